package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.store.Changelog;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Where a trainer finds its group: another trainer may learn meanwhile, or a commit may not be visible yet.
class GroupOffsetsTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static TestLog log;
    private static KafkaTopics.Log before;

    @BeforeAll
    static void tenEventsWereThereAndThenTenMore(@TempDir Path directory) {
        log = new TestLog(directory, 1).created();
        log.send(0, 10);
        before = new KafkaTopics(log.admin, (short) -1).log(log.topic);
        log.send(10, 20);
        TestLog.await(log.admin.createTopics(List.of(new NewTopic(Topics.changelog(log.group()), 1, (short) 1))).all());
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
                .isInstanceOfSatisfying(StopException.class,
                        e -> assertThat(e.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION))
                .hasMessageContaining("reach offset 21").hasMessageContaining("ends at 20");
    }

    /// Kafka answers the commit of a transaction before it shows the offsets in it, so that an epoch whose first state was
    /// committed a moment ago seems to have none. Here the transaction stays open, which is the same for who asks.
    @Test
    void anOffsetThatATransactionIsAboutToBringIsWaitedForAndNotReplaced() {
        String group = "g-" + log.group();
        OffsetAndMetadata brought = Changelog.offsetWithWatermark(15);
        try (var producer = log.producer(Map.of("transactional.id", group));
                var consumer = new KafkaConsumer<>(
                        Map.of("bootstrap.servers", log.kafka.bootstrapServers(), "group.id", group),
                        new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(log.partition(), brought), consumer.groupMetadata());
            assertThatThrownBy(() -> ensure(group, Duration.ofMillis(300)))
                    .isInstanceOfSatisfying(StopException.class,
                            e -> assertThat(e.exitCode()).isEqualTo(ExitCode.RETRYABLE))
                    .hasMessageContaining("expected the transaction").hasMessageContaining(group);
            producer.commitTransaction();
            ensure(group, PATIENCE);
        }
        assertThat(new GroupOffsets(log.admin, group, PATIENCE).committed(lineage())).isEqualTo(brought);
    }

    private void commit(long offset) {
        TestLog.await(log.admin
                .alterConsumerGroupOffsets(log.group(), Map.of(log.partition(), new OffsetAndMetadata(offset))).all());
    }

    private void ensure() {
        ensure(log.group(), PATIENCE);
    }

    private static void ensure(String group, Duration patience) {
        Changelog changelog = new Changelog(new TopicPartition(Topics.changelog(log.group()), 0),
                new ReadCommitted(Map.of("bootstrap.servers", log.kafka.bootstrapServers())));
        new GroupOffsets(log.admin, group, patience).ensure(lineage(), before, changelog);
    }

    private static Lineage lineage() {
        return new Lineage(log.spec(), 1, log.partition(), before.topicId(), 0);
    }
}
