package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.EmbeddedBroker;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.Prediction;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.apache.avro.Schema;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What an earlier build left behind when it was stopped: the disk of a broker, with events of which some are not learned
/// yet, and the state directories of two trainers. This build takes over one process after the other.
///
/// An archive is written by the build whose state it is: add a name, and run the test once with `-Dgolden.write=true`.
@LongProof("a broker, and two trainers and two scorers one after the other")
class UpgradeTest {
    private static final Path ARCHIVES = Path.of("src", "test", "resources", "upgrade");
    private static final String LEVEL = "level";
    private static final String GATE = "gate";
    private static final int LATER = 99;
    /// Nothing of an archive gets too old while a test looks at it.
    private static final Map<String, String> KEEP =
            Map.of("log.retention.ms", "-1", "log.initial.task.delay.ms", "3600000");

    @TempDir
    Path directory;

    private EmbeddedBroker broker(Path root) {
        return EmbeddedBroker.start(new BrokerOptions(1, root.resolve("kafka"), 0, KEEP, Map.of(), null, null));
    }

    private static KafkaProvider stack(EmbeddedBroker broker, String registry) {
        return new KafkaProvider.Elsewhere(broker.bootstrapServers(), "mock://" + registry);
    }

    private static String stateHash(CommittedState state) {
        return Objects.requireNonNull(state.report()).stateHash();
    }

    /// Asks a scorer again and again, a millisecond after each answer, so that the trainers have a core, and notes what it
    /// did not answer and when it went back.
    private static final class Client implements AutoCloseable {
        private final AtomicLong answered = new AtomicLong();
        private final AtomicReference<Throwable> trouble = new AtomicReference<>();
        private final Thread thread;

        Client(Scorer scorer) {
            thread = Thread.ofPlatform().start(() -> {
                long newest = 0;
                try {
                    while (!Thread.interrupted()) {
                        Prediction answer = scorer.score(Map.of("a", Readings.a((int) answered.get())));
                        assertThat(answer.version()).isGreaterThanOrEqualTo(newest);
                        newest = answer.version();
                        answered.incrementAndGet();
                        Thread.sleep(1);
                    }
                } catch (InterruptedException ended) {
                    // It is to end.
                } catch (RuntimeException | AssertionError e) {
                    trouble.set(e);
                }
            });
        }

        /// @throws AssertionError an answer was missing or by an older version
        void requireAnswers() {
            long before = answered.get();
            await().atMost(Readings.PATIENCE).until(() -> trouble.get() != null || answered.get() > before);
            assertThat(trouble.get()).isNull();
        }

        @Override
        public void close() {
            thread.interrupt();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = "2026-11-28")
    void whatAnEarlierBuildLeftIsServedAndLearnedOnWhileScorersAnswer(String build) throws Exception {
        Path archive = ARCHIVES.resolve(build + ".zip");
        if (Boolean.getBoolean("golden.write") && !Files.exists(archive)) {
            write(archive);
        }
        Path root = directory.resolve("left");
        unpack(archive, root);
        Properties facts = new Properties();
        try (Reader from = Files.newBufferedReader(root.resolve("facts.properties"))) {
            facts.load(from);
        }
        String id = facts.getProperty("id");
        Topics topics = new Topics("p" + id);
        restoreSchemas(root, facts, "upgrade-" + build);
        try (EmbeddedBroker broker = broker(root); Readings log = new Readings(id, stack(broker, "upgrade-" + build))) {
            long rolledBack = Long.parseLong(facts.getProperty("rolled-back"));
            long resumed = Long.parseLong(facts.getProperty("resumed"));
            OnlineModel level = log.fold(root.resolve(LEVEL + ".yaml"), at -> at < rolledBack || at >= resumed);
            OnlineModel gate = log.fold(root.resolve(GATE + ".yaml"), at -> true);

            // Scorers first, as the page says.
            try (Scorer first = log.scorer(topics.prefix(), LEVEL); Scorer second = log.scorer(topics.prefix(), GATE)) {
                awaitServed(first, facts, LEVEL);
                awaitServed(second, facts, GATE);
                try (Client ofLevel = new Client(first);
                        Client ofGate = new Client(second);
                        TrainerApp one = log.trainer(root.resolve("one"), "--model", LEVEL)) {
                    CommittedState learned = Readings.awaitLearned(one, LEVEL, 2, log.end());
                    assertThat(stateHash(learned)).isEqualTo(level.stateHash());
                    Readings.awaitServed(first, 2, level.parameters().updates());
                    assertThat(first.weightsHash()).isEqualTo(level.weightsHash());
                    awaitServed(second, facts, GATE);
                    try (TrainerApp two =
                            log.trainer(root.resolve("two"), "--model", GATE, "--store", "image-and-redo")) {
                        learned = Readings.awaitLearned(two, GATE, 1, log.end());
                        assertThat(stateHash(learned)).isEqualTo(gate.stateHash());
                        Readings.awaitServed(second, 1, gate.parameters().updates());
                        assertThat(second.weightsHash()).isEqualTo(gate.weightsHash());
                    }
                    ofLevel.requireAnswers();
                    ofGate.requireAnswers();
                }
            }
            for (String model : List.of(LEVEL, GATE)) {
                assertThat(log.run(topics.prefix(), List.of("verify", "--model", model))).as(log.err()).isZero();
                assertThat(log.out()).contains("equal");
            }
        }
    }

    /// Writes the newest manifest of a topic again, as a build with later formats would.
    private static void writeLater(Readings log, TopicPartition topic, int formatAt) {
        ConsumerRecord<byte[], byte[]> manifest =
                log.committed(topic).stream().filter(each -> each.key()[0] == 'M').toList().getLast();
        byte[] later = manifest.value().clone();
        ByteBuffer.wrap(later).order(ByteOrder.LITTLE_ENDIAN).putInt(formatAt, LATER);
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(Map.of("bootstrap.servers", log.bootstrap),
                new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(topic.topic(), manifest.key(), later));
        }
    }

    @Test
    void whatALaterBuildWroteIsRefusedByItsNumberAndScorersServeOn() {
        try (Readings log = new Readings()) {
            Topics topics = new Topics("p" + log.id);
            String model = "level-" + log.id;
            Path spec = log.spec(directory, model);
            log.send(50);
            CommittedState learned;
            try (TrainerApp trainer = log.trainer(directory, "--spec", spec.toString())) {
                learned = Readings.awaitLearned(trainer, model, 1, log.end());
            }
            try (Scorer scorer = log.scorer(topics.prefix(), model)) {
                Readings.awaitServed(scorer, 1, learned.version());
                List<Integer> answers = Readings.answers(scorer);
                writeLater(log, new TopicPartition(topics.snapshots(model), 0), 4);
                await().atMost(Readings.PATIENCE).untilAsserted(
                        () -> assertThat(scorer.status().refused()).containsEntry(RefusalReason.UNREADABLE, 1L));
                assertThat(Objects.requireNonNull(scorer.status().lastRefusal()).detail())
                        .contains("found " + LATER + "; a newer build can read it");
                assertThat(Readings.answers(scorer)).isEqualTo(answers);
            }
            writeLater(log, new TopicPartition(Topics.changelog(topics.prefix() + "-" + model + "-1"), 0), 0);
            try (TrainerApp trainer = log.trainer(directory, "--spec", spec.toString())) {
                StopException why = trainer.ended().orTimeout(Readings.PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
                assertThat(why.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
                assertThat(why).hasMessageContaining("has format " + LATER)
                        .hasMessageContaining("start the build that wrote it");
            }
        }
    }

    private static void awaitServed(Scorer scorer, Properties facts, String model) {
        Readings.awaitServed(scorer, Integer.parseInt(facts.getProperty(model + ".epoch")),
                Long.parseLong(facts.getProperty(model + ".version")));
        assertThat(Readings.answers(scorer).toString()).isEqualTo(facts.getProperty(model + ".answers"));
    }

    /// A model of both stores, one with an epoch of a rollback and one with an open mini-batch, and decisions.
    private void write(Path archive) throws IOException {
        Path root = directory.resolve("written");
        Properties facts = new Properties();
        try (EmbeddedBroker broker = broker(root); Readings log = new Readings(stack(broker, "written"))) {
            Topics topics = new Topics("p" + log.id);
            facts.setProperty("id", log.id);
            Path level = log.spec(root, LEVEL);
            Path gate = Files.writeString(root.resolve(GATE + ".yaml"),
                    Files.readString(log.spec(root, GATE, 8)).replace("publish:", "mini-batch: { size: 7 }\npublish:"));
            log.send(200);
            try (TrainerApp one = log.trainer(root.resolve("one"), "--spec", level.toString());
                    TrainerApp two =
                            log.trainer(root.resolve("two"), "--spec", gate.toString(), "--store", "image-and-redo")) {
                long version = Readings.awaitLearned(one, LEVEL, 1, log.end()).version();
                facts.setProperty("rolled-back", "" + log.end());
                log.send(50);
                Readings.awaitLearned(one, LEVEL, 1, log.end());
                facts.setProperty("resumed", "" + log.end());
                for (List<String> decision : List.of(List.of("rollback", LEVEL, "--version", "" + version),
                        List.of("pause", GATE), List.of("resume", GATE), List.of("shadow", GATE, "--for", LEVEL))) {
                    assertThat(log.models(topics.prefix(), decision.toArray(String[]::new))).as(log.err()).isZero();
                }
                log.sendBroken(2);
                log.send(60);
                note(facts, log, Readings.awaitLearned(one, LEVEL, 2, log.end()), LEVEL, 2);
                note(facts, log, Readings.awaitLearned(two, GATE, 1, log.end()), GATE, 1);
            }
            log.send(40);
            saveSchemas(root, facts, "written", List.of(log.topic + "-value", topics.progress() + "-value"));
        }
        try (Writer to = Files.newBufferedWriter(root.resolve("facts.properties"))) {
            facts.store(to, null);
        }
        pack(root, archive);
    }

    private static void note(Properties facts, Readings log, CommittedState state, String model, int epoch) {
        try (Scorer scorer = log.scorer("p" + log.id, model)) {
            Readings.awaitServed(scorer, epoch, state.version());
            facts.setProperty(model + ".epoch", "" + epoch);
            facts.setProperty(model + ".version", "" + state.version());
            facts.setProperty(model + ".answers", Readings.answers(scorer).toString());
        }
    }

    private static void saveSchemas(Path root, Properties facts, String name, List<String> subjects)
            throws IOException {
        Map<Integer, String> subjectOf = new HashMap<>();
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", "mock://" + name))) {
            for (String subject : subjects) {
                registry.versions(subject, Integer.MAX_VALUE).forEach(each -> subjectOf.put(each.id(), subject));
            }
            facts.setProperty("schemas", "" + subjectOf.size());
            for (int at = 1; at <= subjectOf.size(); at++) {
                facts.setProperty("subject." + at, Objects.requireNonNull(subjectOf.get(at)));
                Files.writeString(root.resolve("schema-" + at + ".avsc"), registry.schemaById(at).toString());
            }
        }
    }

    private static void restoreSchemas(Path root, Properties facts, String name) throws IOException {
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", "mock://" + name))) {
            for (int at = 1; at <= Integer.parseInt(facts.getProperty("schemas")); at++) {
                Schema schema = new Schema.Parser().parse(root.resolve("schema-" + at + ".avsc").toFile());
                assertThat(registry.register(facts.getProperty("subject." + at), schema)).isEqualTo(at);
            }
        }
    }

    private static void pack(Path root, Path archive) throws IOException {
        Files.createDirectories(archive.getParent());
        try (OutputStream out = Files.newOutputStream(archive);
                ZipOutputStream to = new ZipOutputStream(out);
                Stream<Path> files = Files.walk(root)) {
            files.filter(Files::isRegularFile).sorted().forEach(each -> {
                try {
                    to.putNextEntry(new ZipEntry(root.relativize(each).toString()));
                    Files.copy(each, to);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    private static void unpack(Path archive, Path root) throws IOException {
        try (InputStream in = Files.newInputStream(archive); ZipInputStream from = new ZipInputStream(in)) {
            for (ZipEntry entry = from.getNextEntry(); entry != null; entry = from.getNextEntry()) {
                Path to = root.resolve(entry.getName());
                Files.createDirectories(to.getParent());
                Files.copy(from, to);
            }
        }
    }
}
