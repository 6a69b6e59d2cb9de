package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.store.Changelog;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A trainer looks at the log first and at its group's offset afterwards; another one may learn in between.
class GroupOffsetsTest {
    private static TestLog log;
    private static KafkaTopics.Log before;

    @BeforeAll
    static void tenEventsWereThereAndThenTenMore(@TempDir Path directory) {
        log = new TestLog(directory, 1).created();
        log.send(0, 10);
        before = new KafkaTopics(log.admin, (short) -1).log(log.topic);
        log.send(10, 20);
    }

    @AfterAll
    static void close() {
        log.close();
    }

    @Test
    void aLogThatGrewWhileAnotherTrainerLearnedItIsNotTakenForCutShort() {
        commit(20);
        assertThatCode(this::ensure).doesNotThrowAnyException();
    }

    @Test
    void anOffsetBeyondTheLogIsRefused() {
        commit(21);
        assertThatThrownBy(this::ensure)
                .isInstanceOfSatisfying(TrainerException.class,
                        e -> assertThat(e.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION))
                .hasMessageContaining("reach offset 21").hasMessageContaining("ends at 20");
    }

    private void commit(long offset) {
        TestLog.await(log.admin
                .alterConsumerGroupOffsets(log.group(), Map.of(log.partition(), new OffsetAndMetadata(offset))).all());
    }

    private void ensure() {
        Lineage lineage = new Lineage(log.spec(), 1, log.partition(), before.topicId(), 0);
        Changelog changelog = new Changelog(new TopicPartition(Topics.changelog(log.group()), 0),
                new ReadCommitted(Map.of("bootstrap.servers", log.kafka.bootstrapServers())));
        new GroupOffsets(log.admin, log.group(), Duration.ofSeconds(10)).ensure(lineage, before, changelog);
    }
}
