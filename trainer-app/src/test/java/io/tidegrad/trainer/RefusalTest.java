package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.Decisions;
import io.tidegrad.control.LogPosition;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.store.Changelog;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What a trainer does not start on: a row a cause, with its exit code and what the message must say of what was
/// expected, what was found, where, and what to do.
class RefusalTest extends TrainerFixture {

    RefusalTest() {
        super(1);
    }

    @Override
    @BeforeEach
    void open() {
        log = newLog();
    }

    /// @param arranged makes the cause; gives what the trainer is started with
    record Row(String cause, Function<RefusalTest, List<String>> arranged, ExitCode exitCode, String... said) {
        @Override
        public String toString() {
            return cause;
        }
    }

    static Stream<Row> settings() {
        return Stream.of(
                setting("reads uncommitted", "isolation.level", "read_uncommitted", "expected read_committed",
                        "aborted transactions would be learned", "leave it out"),
                setting("acks not all", "acks", "1", "expected all, found '1'", "leave it out"),
                setting("no idempotence", "enable.idempotence", "false", "expected true", "leave it out"),
                setting("at least once", "processing.guarantee", "at_least_once", "leave it out"),
                setting("a reset policy", "auto.offset.reset", "latest", "a gap in the log"),
                setting("an unknown key", "sasl.mecanism", "PLAIN", "--kafka.sasl.mechanism"),
                setting("a time that is none", "transaction.timeout.ms", "soon", "whole number"),
                new Row("an unknown option", test -> test.log.arguments("--keep-snapshot", "3"), ExitCode.CONFIGURATION,
                        "--keep-snapshot", "--keep-snapshots"));
    }

    private static Row setting(String cause, String key, String value, String... said) {
        List<String> all = new ArrayList<>(List.of("--kafka." + key));
        all.addAll(List.of(said));
        return new Row(cause, test -> test.log.arguments("--kafka." + key, value), ExitCode.CONFIGURATION,
                all.toArray(String[]::new));
    }

    static Stream<Row> start() {
        return Stream.of(
                new Row("no broker there",
                        test -> test.log.arguments("--bootstrap-servers", "127.0.0.1:" + unusedPort()),
                        ExitCode.RETRYABLE, "bootstrap-servers", "expected a Kafka broker at 127.0.0.1:", "found none",
                        "refused", "start it, or correct the address"),
                new Row("a bootstrap server that is no address",
                        test -> test.log.arguments("--bootstrap-servers", "localhost"), ExitCode.CONFIGURATION,
                        "--bootstrap-servers", "expected HOST:PORT", "found 'localhost'"),
                new Row("a bootstrap server that no name server knows",
                        test -> test.log.arguments("--bootstrap-servers", "kafka.invalid:9092"), ExitCode.RETRYABLE,
                        "bootstrap-servers", "expected a Kafka broker at kafka.invalid:9092", "no such host",
                        "correct the address"),
                new Row("no registry there",
                        test -> test.created().arguments("--registry-url", "http://127.0.0.1:" + unusedPort()),
                        ExitCode.RETRYABLE, "schema registry http://127.0.0.1:", "nobody takes the connection",
                        "start the registry, or check schema.registry.url"),
                new Row("a URL that is no registry's",
                        test -> test.created().arguments("--registry-url", test.log.kafka.registryUrl() + "/nowhere"),
                        ExitCode.RETRYABLE, "/nowhere", "check schema.registry.url"),
                new Row("no topic of events", test -> test.log.arguments(), ExitCode.CONFIGURATION,
                        "expected the topic of events", "found none", "create it, or correct input.topic"),
                new Row("a compacted log", test -> test.log.created(1, Map.of("cleanup.policy", "compact")).arguments(),
                        ExitCode.CONFIGURATION, "expected cleanup.policy=delete", "found compact", "not compacted"),
                new Row("a log of two partitions", test -> test.log.created(2, Map.of()).arguments(),
                        ExitCode.CONFIGURATION, "expected 1 partition", "found 2", "a topic with one partition"),
                new Row("a snapshots topic that would forget", test -> {
                    test.create(test.log.topics().snapshots(test.log.model()), Map.of("cleanup.policy", "delete"));
                    return test.created().arguments();
                }, ExitCode.CONFIGURATION, "expected cleanup.policy=compact", "found delete", "kafka-configs.sh"),
                new Row("a control topic that would forget", test -> {
                    test.create(test.log.topics().control(),
                            Map.of("max.message.bytes", "1000000", "retention.ms", "604800000"));
                    return test.created().arguments();
                }, ExitCode.CONFIGURATION, "expected retention.ms=-1", "found 604800000",
                        "what was decided would be forgotten", "kafka-configs.sh"),
                new Row("a dead-letter topic narrower than the log", test -> {
                    test.create(test.log.topics().deadLetters(), Map.of("max.message.bytes", "100000"));
                    return test.created().arguments();
                }, ExitCode.CONFIGURATION, "expected max.message.bytes of at least", "found 100000",
                        "kafka-configs.sh"),
                new Row("a broker whose clock is another's", test -> {
                    test.created().send(0, 5_000); // several commits: one may arrive within its millisecond
                    // As if this machine's clock was behind the broker's: by any
                    // millisecond.
                    test.create(Topics.changelog(test.log.group()),
                            Map.of("cleanup.policy", "compact", "max.message.bytes",
                                    Integer.toString(ModelTopics.PART_REQUEST_BYTES), "message.timestamp.before.max.ms",
                                    "0"));
                    return test.log.arguments();
                }, ExitCode.RETRYABLE, "Kafka refused the time of a record", "clock", "Nothing is lost"),
                new Row("transactions shorter than commits are apart",
                        test -> test.created().arguments("--kafka.transaction.timeout.ms", "2000",
                                "--kafka.commit.interval.ms", "2001"),
                        ExitCode.CONFIGURATION, "kafka.transaction.timeout.ms", "expected at least", "2001",
                        "found 2000", "raise it, or leave it out"),
                new Row("transactions longer than the broker allows",
                        test -> test.created().arguments("--kafka.transaction.timeout.ms", "90000000"),
                        ExitCode.CONFIGURATION, "Kafka refused a timeout", "transaction.max.timeout.ms"),
                new Row("sessions shorter than the broker allows",
                        test -> test.created().arguments("--kafka.session.timeout.ms", "100"), ExitCode.CONFIGURATION,
                        "Kafka refused a timeout", "group.min.session.timeout.ms"),
                new Row("heartbeats rarer than sessions end",
                        test -> test.created().arguments("--kafka.heartbeat.interval.ms", "6000"),
                        ExitCode.CONFIGURATION, "kafka.heartbeat.interval.ms",
                        "expected less than the session timeout of 6000 ms", "found 6000"),
                new Row("an unregistered model without a spec", test -> {
                    List<String> arguments = new ArrayList<>(test.created().arguments("--model", "nobody"));
                    int spec = arguments.indexOf("--spec");
                    arguments.subList(spec, spec + 2).clear();
                    return arguments;
                }, ExitCode.CONFIGURATION, "model nobody", "found none", "register it with a spec"),
                new Row("a spec file that is not there",
                        test -> test.created().arguments("--spec", "/nowhere/spec.yaml"), ExitCode.CONFIGURATION,
                        "spec /nowhere/spec.yaml", "expected a readable file", "found none"),
                new Row("a new spec whose feature reads the label's field",
                        test -> test.created().arguments("--spec",
                                test.log.write("copying.yaml", test.copying()).toString()),
                        ExitCode.CONFIGURATION, "the spec of the new model", "reads 'over', the label's field",
                        "allow-label: true"),
                new Row("a changed spec under the same epoch", test -> {
                    test.learn(100);
                    String changed = test.log.spec().yaml().replace("rate: 0.01", "rate: 0.02");
                    return test.log.arguments("--spec", test.log.write("changed.yaml", changed).toString());
                }, ExitCode.CONFIGURATION, "changed spec under the same epoch", "expected fingerprint", "found",
                        "new model name"),
                new Row("a log that was deleted and created again", test -> {
                    test.learn(100);
                    TestLog.await(test.log.admin.deleteTopics(List.of(test.log.topic)).all());
                    eventually(test::created);
                    return test.log.arguments();
                }, ExitCode.STATE_VIOLATION, "with id", "found id", "deleted and created again",
                        "tidegrad models delete", "tidegrad models create --spec FILE", "new model name"),
                new Row("a log that lost records", test -> {
                    test.learn(100);
                    test.setOffset(Changelog.offsetWithWatermark(150));
                    return test.log.arguments();
                }, ExitCode.STATE_VIOLATION, "to reach offset 150", "found that it ends at 100", "new model name"),
                new Row("a range that retention deleted before it was learned", test -> {
                    test.learn(100);
                    test.log.send(100, 200);
                    TestLog.await(test.log.admin
                            .deleteRecords(Map.of(test.log.partition(), RecordsToDelete.beforeOffset(150))).all());
                    return test.log.arguments();
                }, ExitCode.STATE_VIOLATION, "from offset 100", "begins at 150", "retention deleted 50 offsets",
                        "raise the topic's retention"),
                new Row("an offset set by hand", test -> {
                    test.learn(100);
                    test.setOffset(new OffsetAndMetadata(50, ""));
                    return test.log.arguments();
                }, ExitCode.STATE_VIOLATION, "expected watermark 100", "found none", "altered by hand",
                        "kafka.session.timeout.ms", "kafka-consumer-groups.sh --delete-offsets --group"),
                changelog("a changelog that lost its content", record -> null, "model-changelog is empty",
                        "found watermark 100", "Restore the topic"),
                changelog("a changelog without its manifest", record -> record.key()[0] == 'M' ? null : record.value(),
                        "expected a manifest after", "found no manifest"),
                changelog("a changelog without one page", record -> isPage(record, 3) ? null : record.value(), "pages",
                        "found"),
                changelog("a changelog with a flipped bit in a page",
                        record -> isPage(record, 3) ? flipped(record.value()) : record.value(), "offset",
                        "expected checksum", "page 3", "found"),
                changelog("a changelog with a flipped bit in a manifest",
                        record -> record.key()[0] == 'M' ? flipped(record.value()) : record.value(), "offset",
                        "expected checksum", "manifest"),
                changelog("a changelog with a page cut short",
                        record -> isPage(record, 3) ? java.util.Arrays.copyOf(record.value(), 100) : record.value(),
                        "offset", "checksum", "page 3"),
                changelog("a changelog with a value cut to nothing",
                        record -> isPage(record, 3) ? new byte[2] : record.value(), "offset",
                        "expected at least 8 bytes", "found 2 bytes"),
                new Row("a changelog with a page of an earlier commit", test -> {
                    test.learn(100);
                    test.log.send(100, 200);
                    learn(test.log, 200);
                    test.replaceChangelog(test::withoutANewestPage);
                    return test.log.arguments();
                }, ExitCode.STATE_VIOLATION, "model-changelog", "expected pages with digest", "found",
                        "Restore the topic"),
                new Row("another model's changelog", test -> {
                    test.learn(100);
                    try (TestLog other = new TestLog(test.directory, 1)) {
                        // The same sizes, another name.
                        other.created().send(0, 100);
                        learn(other, 100, "--state-dir", test.path("other"));
                        List<ConsumerRecord<byte[], byte[]>> theirs = other.visible(Topics.changelog(other.group()));
                        test.replaceChangelog(ours -> theirs.stream().map(test::entry));
                    }
                    return test.log.arguments();
                }, ExitCode.CONFIGURATION, "the stored state is not of this spec", "expected the fingerprint", "found",
                        "new model name"),
                new Row("another application's records in the changelog", test -> {
                    test.learn(100);
                    test.log.send(test.entry(utf8("a key of theirs"), utf8("theirs")));
                    return test.log.arguments();
                }, ExitCode.STATE_VIOLATION, "model-changelog at offset", "expected a key of 5 bytes", "found 15 bytes",
                        "Restore the topic"),
                new Row("another application's records under keys like ours", test -> {
                    test.learn(100);
                    test.log.send(test.entry(utf8("Pcart"), utf8("three apples")));
                    return test.log.arguments();
                }, ExitCode.STATE_VIOLATION, "model-changelog at offset", "expected format 1", "another application's",
                        "Restore the topic"));
    }

    /// @param kept the value that a record has instead, null for no such record
    private static Row changelog(String cause, Function<ConsumerRecord<byte[], byte[]>, byte @Nullable []> kept,
            String... said) {
        return new Row(cause, test -> {
            test.learn(100);
            test.replaceChangelog(records -> records.stream().flatMap(
                    record -> Stream.ofNullable(kept.apply(record)).map(value -> test.entry(record.key(), value))));
            return test.log.arguments();
        }, ExitCode.STATE_VIOLATION,
                Stream.concat(Stream.of("changelog", "Restore the topic"), Stream.of(said)).toArray(String[]::new));
    }

    private static byte[] flipped(byte[] value) {
        byte[] flipped = value.clone();
        flipped[value.length / 2] ^= 0x10;
        return flipped;
    }

    private static boolean isPage(ConsumerRecord<byte[], byte[]> record, int number) {
        return record.key()[0] == 'P' && ByteBuffer.wrap(record.key()).getInt(1) == number;
    }

    /// A page that was logged twice is left as it was logged first.
    private Stream<ProducerRecord<byte[], byte[]>> withoutANewestPage(List<ConsumerRecord<byte[], byte[]>> records) {
        Map<ByteBuffer, List<Long>> offsets = new LinkedHashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            if (record.key()[0] == 'P') {
                offsets.computeIfAbsent(ByteBuffer.wrap(record.key()), key -> new ArrayList<>()).add(record.offset());
            }
        }
        long dropped = offsets.values().stream().filter(twice -> twice.size() > 1).findFirst().orElseThrow().getLast();
        return records.stream().filter(record -> record.offset() != dropped).map(this::entry);
    }

    @ParameterizedTest
    @MethodSource("settings")
    void aTrainerRefusesSettings(Row row) {
        assertRefused(row);
    }

    @LongProof("some forty starts of a trainer")
    @ParameterizedTest
    @MethodSource("start")
    void aTrainerRefusesToStart(Row row) {
        assertRefused(row);
    }

    private void assertRefused(Row row) {
        List<String> arguments = row.arranged().apply(this);
        long begin = System.nanoTime();
        Refusal refusal = refusal(arguments);
        System.out.printf("%s: %d ms, exit %d: %s%n", row.cause(), (System.nanoTime() - begin) / 1_000_000,
                refusal.status(), refusal.message());
        assertThat(refusal.message()).contains(row.said()).doesNotContain("\tat ");
        assertThat(refusal.status()).isEqualTo(row.exitCode().status());
    }

    private record Refusal(int status, String message) {
    }

    /// At start, or as soon as the first task runs.
    private static Refusal refusal(List<String> arguments) {
        try (TrainerApp trainer = TrainerApp.start(TrainerConfig.parse(arguments, Map.of()))) {
            return refusal(trainer.ended().orTimeout(60, TimeUnit.SECONDS).join());
        } catch (StopException e) {
            return refusal(e);
        } catch (SettingsException e) {
            return new Refusal(SettingsException.STATUS, String.valueOf(e.getMessage()));
        }
    }

    private static Refusal refusal(StopException why) {
        return new Refusal(why.exitCode().status(), String.valueOf(why.getMessage()));
    }

    @Test
    void aStateDirectoryThatAnotherTrainerUses() {
        created();
        try (TrainerApp running = TrainerApp.start(log.config())) {
            Refusal refusal = refusal(log.arguments());
            assertThat(refusal.message()).contains("state directory", "state-dir");
            assertThat(refusal.status()).isEqualTo(ExitCode.CONFIGURATION.status());
            assertThat(running.ended()).isNotDone();
        }
    }

    /// Registered when that was no mistake: an upgrade must not stop it. The file is as it was, or has the key now.
    @Test
    void aRegisteredModelWhoseFeatureReadsTheLabelLearnsOn() {
        created().send(0, 100);
        KafkaSettings kafka = kafka();
        new Decisions(kafka, log.topics(), log.admin, (short) -1, new Decisions.By("ann@host", "a test")).create(
                ModelSpec.parseRegistered(copying(), "an old spec"), new LogPosition.Begin(), (spec, view) -> spec);

        learn(log, 100, "--spec", log.write("copying.yaml", copying()).toString());
        log.send(100, 200);
        String allowed = copying().replace("field: over, buckets", "field: over, allow-label: true, buckets");
        assertThat(allowed).isNotEqualTo(copying());
        learn(log, 200, "--spec", log.write("allowed.yaml", allowed).toString());
    }

    // ---- causes ----

    private String copying() {
        return log.spec().yaml().replace("features:\n",
                "features:\n  - category: { field: over, buckets: 3, dimension: 2 }\n");
    }

    private TestLog created() {
        return log.created();
    }

    private String path(String name) {
        return directory.resolve(name).toString();
    }

    private void learn(int events) {
        created().send(0, events);
        learn(log, events);
    }

    private static void learn(TestLog log, int upTo, String... more) {
        try (TrainerApp trainer = TrainerApp.start(log.config(more))) {
            awaitSettled(trainer, upTo);
        }
    }

    private Uuid create(String topic, Map<String, String> settings) {
        return TestLog.await(
                log.admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1).configs(settings))).topicId(topic));
    }

    /// A record of our changelog.
    private ProducerRecord<byte[], byte[]> entry(byte[] key, byte[] value) {
        return new ProducerRecord<>(Topics.changelog(log.group()), 0, key, value);
    }

    private ProducerRecord<byte[], byte[]> entry(ConsumerRecord<byte[], byte[]> record) {
        return entry(record.key(), record.value());
    }

    private void replaceChangelog(
            Function<List<ConsumerRecord<byte[], byte[]>>, Stream<ProducerRecord<byte[], byte[]>>> change) {
        String topic = Topics.changelog(log.group());
        List<ProducerRecord<byte[], byte[]>> changed = change.apply(log.visible(topic)).toList();
        TestLog.await(log.admin.deleteTopics(List.of(topic)).all());
        Uuid created = await().atMost(PATIENCE).ignoreExceptions()
                .until(() -> create(topic, Map.of("cleanup.policy", "compact")), Objects::nonNull);
        // For a moment the broker still answers for the topic that is being deleted, and would take what is sent.
        eventually(() -> assertThat(TestLog.await(log.admin.describeTopics(List.of(topic)).allTopicNames()).get(topic))
                .extracting(TopicDescription::topicId).isEqualTo(created));
        eventually(() -> {
            log.send(changed);
            assertThat(log.visible(topic)).hasSizeGreaterThanOrEqualTo(changed.size());
        });
    }

    /// As `kafka-consumer-groups.sh --reset-offsets` does.
    private void setOffset(OffsetAndMetadata offset) {
        log.endSessions();
        eventually(() -> TestLog
                .await(log.admin.alterConsumerGroupOffsets(log.group(), Map.of(log.partition(), offset)).all()));
    }

    /// Deleting a topic takes a moment, and so does a group's end.
    private static void eventually(Runnable action) {
        await().atMost(PATIENCE).ignoreExceptions().untilAsserted(action::run);
    }

    private static int unusedPort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
