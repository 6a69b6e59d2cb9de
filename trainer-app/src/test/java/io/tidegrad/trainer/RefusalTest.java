package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.store.Changelog;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a trainer does not start on, and what it says: expected, found, what to do.
class RefusalTest {
    @TempDir Path directory;
    TestLog log;

    @BeforeEach
    void open() {
        log = new TestLog(directory, 1);
    }

    @AfterEach
    void close() {
        log.close();
    }

    @Test
    void aMissingTopic() {
        refused(ExitCode.CONFIGURATION, log.topic, "found none", "create it");
    }

    @Test
    void aCompactedLog() {
        log.created(1, Map.of("cleanup.policy", "compact"));
        refused(ExitCode.CONFIGURATION, log.topic, "cleanup.policy=delete", "found compact");
    }

    @Test
    void aLogOfTwoPartitions() {
        log.created(2, Map.of());
        refused(ExitCode.CONFIGURATION, log.topic, "expected 1 partition", "found 2");
    }

    @Test
    void aSnapshotsTopicThatWouldForget() {
        log.created();
        create(log.topics().snapshots(log.model()), Map.of("cleanup.policy", "delete"));
        refused(
                ExitCode.CONFIGURATION,
                "cleanup.policy=compact",
                "found delete",
                "kafka-configs.sh");
    }

    @Test
    void aDeadLetterTopicThatIsTooNarrow() {
        log.created();
        create(log.topics().deadLetters(), Map.of("max.message.bytes", "100000"));
        refused(ExitCode.CONFIGURATION, "max.message.bytes of at least", "found 100000");
    }

    @Test
    void aChangedSpecUnderTheSameEpoch() {
        learn(100);
        String changed = log.spec().yaml().replace("rate: 0.01", "rate: 0.02");
        String file = log.write("changed.yaml", changed).toString();
        assertRefused(
                log.config("--spec", file),
                ExitCode.CONFIGURATION,
                "changed spec under the same epoch",
                "new model name");
    }

    @Test
    void anUnregisteredModelWithoutASpec() {
        log.created();
        TrainerConfig config =
                TrainerConfig.parse(
                        List.of(
                                "--bootstrap-servers",
                                log.kafka.bootstrapServers(),
                                "--registry-url",
                                log.kafka.registryUrl(),
                                "--prefix",
                                log.prefix,
                                "--model",
                                "nobody",
                                "--http-port",
                                "0",
                                "--state-dir",
                                directory.resolve("state").toString()),
                        Map.of());
        assertRefused(config, ExitCode.CONFIGURATION, "--model nobody", "register it with --spec");
    }

    @Test
    void aLogThatWasDeletedAndCreatedAgain() {
        learn(100);
        TestLog.await(log.admin.deleteTopics(List.of(log.topic)).all());
        org.awaitility.Awaitility.await()
                .atMost(TrainerTest.PATIENCE)
                .ignoreExceptions() // deletion takes a moment
                .until(
                        () -> {
                            log.created();
                            return true;
                        });
        refused(ExitCode.STATE_VIOLATION, "deleted and created again", "new model name");
    }

    @Test
    void aRangeThatRetentionDeletedBeforeItWasLearned() {
        learn(100);
        log.send(100, 200);
        TestLog.await(
                log.admin
                        .deleteRecords(Map.of(log.partition(), RecordsToDelete.beforeOffset(150)))
                        .all());
        refused(
                ExitCode.STATE_VIOLATION,
                "from offset 100",
                "begins at 150",
                "retention deleted 50 offsets");
    }

    @Test
    void aChangelogThatLostItsContent() {
        learn(100);
        String changelog = Changelog.topic(log.group());
        TestLog.await(log.admin.deleteTopics(List.of(changelog)).all());
        TrainerApp trainer = TrainerApp.start(log.config());
        try (trainer) {
            TrainerException why = trainer.ended().orTimeout(60, TimeUnit.SECONDS).join();
            assertThat(why.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION);
            assertThat(why)
                    .hasMessageContaining("changelog is empty")
                    .hasMessageContaining("watermark 100");
        }
    }

    @Test
    void aDamagedPageIsNamed() {
        learn(100);
        TopicPartition changelog = new TopicPartition(Changelog.topic(log.group()), 0);
        ConsumerRecord<byte[], byte[]> page =
                log.visible(changelog.topic()).stream()
                        .filter(record -> record.key()[0] == 'P')
                        .findFirst()
                        .orElseThrow();
        byte[] damaged = page.value().clone();
        damaged[damaged.length / 2] ^= 0x10;
        log.send(new ProducerRecord<>(changelog.topic(), 0, page.key(), damaged));
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            TrainerException why = trainer.ended().orTimeout(60, TimeUnit.SECONDS).join();
            assertThat(why.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION);
            assertThat(why).hasMessageContainingAll("changelog is damaged", "checksum", "page 0");
        }
    }

    @Test
    void aStateDirectoryThatAnotherTrainerUses() {
        log.created();
        try (TrainerApp running = TrainerApp.start(log.config())) {
            refused(ExitCode.CONFIGURATION, "state directory", "--state-dir");
            assertThat(running.ended()).isNotDone();
        }
    }

    private void learn(int events) {
        log.created();
        log.send(0, events);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            TrainerTest.awaitSettled(trainer, events);
        }
    }

    private void create(String topic, Map<String, String> settings) {
        TestLog.await(
                log.admin
                        .createTopics(List.of(new NewTopic(topic, 1, (short) 1).configs(settings)))
                        .all());
    }

    private void refused(ExitCode exitCode, String... said) {
        assertRefused(log.config(), exitCode, said);
    }

    private static void assertRefused(TrainerConfig config, ExitCode exitCode, String... said) {
        TrainerException why =
                catchThrowableOfType(
                        TrainerException.class, () -> TrainerApp.start(config).close());
        assertThat(why).isNotNull().hasMessageContainingAll(said);
        assertThat(why.exitCode()).isEqualTo(exitCode);
    }
}
