package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlIntake;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.EmbeddedBroker;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.schemas.Topics;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPairGenerator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Invariant I16 at a start: with a broker that is not there, one that comes, and topics that have nothing. Bounds are
/// for liveness.
class LastGoodTest {
    private static final Duration SOON = Duration.ofSeconds(30);

    /// In these tests a start waits for Kafka no longer than this.
    private static final Duration PATIENCE = Duration.ofMillis(300);

    private static EmbeddedBroker broker;

    @TempDir
    Path directory;

    private final List<AutoCloseable> opened = new ArrayList<>();

    @BeforeAll
    static void start() {
        broker = EmbeddedBroker.start(BrokerOptions.temporary());
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : opened.reversed()) {
            each.close();
        }
    }

    /// A model with topics of its own.
    private final class Flights {
        final String model = TestBroker.newModelName();
        final Topics topics = new Topics("t-" + UUID.randomUUID());
        final TestTrainer trainer = TestTrainer.of(model);
        final TestPublisher publisher = new TestPublisher(servers(), topics, model);
        final TestControl control = new TestControl(servers(), topics);

        Flights() {
            opened.add(publisher);
            opened.add(control);
        }

        ScorerOptions options() {
            return ScorerOptions.of(model, Map.of("bootstrap.servers", servers())).withPrefix(topics.prefix())
                    .withStateDir(directory.resolve("state"));
        }

        Scorer open() {
            return LastGoodTest.open(options());
        }

        Path file() {
            return directory.resolve("state").resolve(model + ".snapshot");
        }

        /// The file of a process that has served a full snapshot and some deltas.
        void serveAndStop(int changes) {
            publisher.createTopic();
            publisher.publish(trainer.learn(5).publishFull());
            for (int i = 0; i < changes; i++) {
                publisher.publish(trainer.learn(2).publishDelta());
            }
            try (Scorer scorer = open()) {
                awaitVersion(scorer, trainer.model().parameters().updates());
                awaitFile(trainer.model().parameters().updates());
            }
            awaitFile(trainer.model().parameters().updates());
        }

        /// Follows until the file is there; what a scorer offers is written within a second, and at its end.
        private void awaitFile(long version) {
            await().atMost(SOON).untilAsserted(() -> {
                assertThat(file()).exists();
                assertThat(fileVersion()).isLessThanOrEqualTo(version);
            });
        }

        long fileVersion() {
            try (InputStream in = new BufferedInputStream(Files.newInputStream(file()))) {
                return SnapshotFile.read(in).head().manifest().version();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static String servers() {
        return broker.bootstrapServers();
    }

    private static Scorer open(ScorerOptions options) {
        return open(options, PATIENCE);
    }

    private static Scorer open(ScorerOptions options, Duration patience) {
        return Scorer.open(options, Parameters::served, new Succession(), new ControlIntake(options.model()), patience);
    }

    private static void awaitVersion(Scorer scorer, long version) {
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(version(scorer)).as(scorer.status().toString()).isEqualTo(version));
    }

    private static long version(Scorer scorer) {
        ServedVersion served = scorer.current();
        return served == null ? -1 : served.version();
    }

    private static boolean isFromFile(Scorer scorer) {
        ServedVersion served = scorer.current();
        return served != null && served.isFromFile();
    }

    private static void awaitRefused(Scorer scorer, RefusalReason reason) {
        await().atMost(SOON).untilAsserted(
                () -> assertThat(scorer.status().refused().get(reason)).as(scorer.status().toString()).isEqualTo(1));
    }

    @LongProof("a broker that comes late")
    @Test
    void aStartWithoutKafkaServesTheFileAndThenWhatTheTopicHas() throws Exception {
        Flights goesOn = new Flights();
        Flights rolledBack = new Flights();
        goesOn.control.createTopic();
        rolledBack.control.createTopic();
        goesOn.serveAndStop(3);
        rolledBack.serveAndStop(1);
        assertThat(goesOn.fileVersion()).isEqualTo(11);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve("state"))))
                .isEqualTo("rwx------");
        assertThat(directory.resolve("state")).isDirectoryNotContaining(path -> path.toString().endsWith(".part"));
        TestTrainer other = TestTrainer.of(rolledBack.model, 2, 16).learn(3);
        rolledBack.control.decide(rolledBack.model, new ControlAction.Create(2, "00".repeat(32), "flights", "id", 0));

        broker.stopNode(0);
        try (Scorer one = goesOn.open(); Scorer two = rolledBack.open()) {
            assertThat(one.awaitReady(SOON)).isTrue();
            assertThat(two.awaitReady(SOON)).isTrue();
            assertThat(isFromFile(one)).isTrue();
            assertThat(one.weightsHash()).isEqualTo(goesOn.trainer.model().weightsHash());
            for (int i = 0; i < 20; i++) {
                assertThat(one.score(TestTrainer.event(i)).probabilities())
                        .isEqualTo(goesOn.trainer.answers(new long[]{i}));
            }
            assertThat(version(two)).isEqualTo(7);

            broker.startNode(0);
            // A decision while no scorer ran.
            await().atMost(SOON).untilAsserted(() -> {
                assertThat(two.current()).isNull();
                assertThat(rolledBack.file()).doesNotExist();
            });
            rolledBack.publisher.publish(other.publishFull());
            awaitVersion(two, 3);
            // Only deltas of the file's version: nothing else is read or loaded.
            goesOn.publisher.publish(goesOn.trainer.learn(2).publishDelta());
            awaitVersion(one, 13);
            assertThat(isFromFile(one)).isFalse();
            assertThat(one.weightsHash()).isEqualTo(goesOn.trainer.model().weightsHash());
            assertThat(one.status().snapshotsLoaded()).isEqualTo(1);
            assertThat(one.status().reading().deltas()).isEqualTo(1);
            assertThat(one.status().refused()).allSatisfy((reason, times) -> assertThat(times).isZero());
        }
        assertThat(goesOn.fileVersion()).isEqualTo(13);
    }

    @Test
    void aTopicThatBeginsAnewIsServedOnceItIsAboveTheFile() {
        Flights flights = new Flights();
        flights.serveAndStop(0);
        flights.publisher.deleteTopic();
        try (Scorer scorer = flights.open()) {
            awaitVersion(scorer, 5);
            assertThat(isFromFile(scorer)).isTrue();
            await().atMost(SOON).until(() -> scorer.status().follower().equals("waiting-for-topic"));
            TestTrainer anew = TestTrainer.of(flights.model).learn(3);
            await().atMost(SOON).until(() -> created(flights));
            // What is there before it begins to follow is not even tried.
            await().atMost(SOON).until(() -> scorer.status().follower().equals("following"));
            flights.publisher.publish(anew.publishFull());
            awaitRefused(scorer, RefusalReason.NOT_NEWER);
            assertThat(version(scorer)).isEqualTo(5);
            flights.publisher.publish(anew.learn(3).publishFull());
            awaitVersion(scorer, 6);
            assertThat(isFromFile(scorer)).isFalse();
        }
    }

    /// A topic's deletion goes on after it is answered.
    private static boolean created(Flights flights) {
        try {
            flights.publisher.createTopic();
            return true;
        } catch (IllegalStateException stillThere) {
            return false;
        }
    }

    @Test
    @LongProof("several scorers start")
    void whatMayNotBeServedIsNotServedFromAFileEither() throws Exception {
        Flights over = new Flights();
        Flights damaged = new Flights();
        Flights unsigned = new Flights();
        Flights copied = new Flights();
        over.serveAndStop(0);
        damaged.serveAndStop(0);
        unsigned.serveAndStop(0);
        Files.copy(damaged.file(), copied.file());
        byte[] bytes = Files.readAllBytes(damaged.file());
        bytes[bytes.length / 2] ^= 1;
        Files.write(damaged.file(), bytes);
        for (Flights each : List.of(over, damaged, unsigned)) {
            each.publisher.deleteTopic();
        }
        over.control.createTopic();
        over.control.rollBack(2, over.trainer.publish());
        // Kafka is there, and answers that it has no snapshots: by then the control topic was read, however long it takes.
        try (Scorer ofOver = LastGoodTest.open(over.options(), SOON);
                Scorer ofDamaged = damaged.open();
                Scorer ofCopied = copied.open();
                Scorer ofUnsigned = open(unsigned.options()
                        .withPublicKey(KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPublic()))) {
            awaitRefused(ofOver, RefusalReason.OLD_EPOCH);
            awaitRefused(ofDamaged, RefusalReason.UNREADABLE);
            awaitRefused(ofUnsigned, RefusalReason.SIGNATURE);
            awaitRefused(ofCopied, RefusalReason.WRONG_MODEL);
            for (Scorer scorer : List.of(ofOver, ofDamaged, ofUnsigned, ofCopied)) {
                assertThat(scorer.current()).isNull();
                assertThat(scorer.ready()).isFalse();
                assertNothingIsServedOfAnEpochThatIsOver(scorer);
            }
            Verification.@Nullable Refused refusal = ofDamaged.status().lastRefusal();
            assertThat(refusal).isNotNull();
            assertThat(refusal.detail()).contains("damaged or misplaced");
            // It does not prevent a sound version from replacing it.
            await().atMost(SOON).until(() -> created(damaged));
            PublishedSnapshot next = damaged.trainer.learn(1).publishFull();
            damaged.publisher.publish(next);
            awaitVersion(ofDamaged, next.manifest().version());
        }
        assertThat(damaged.fileVersion()).isEqualTo(6);
    }

    @ProvesOracle(Breaker.SERVES_A_FILE_THAT_IS_OVER)
    @Test
    void aFileOfAnEpochThatIsOverIsReported() {
        Flights flights = new Flights();
        flights.serveAndStop(0);
        flights.publisher.deleteTopic();
        flights.control.createTopic();
        flights.control.rollBack(2, flights.trainer.publish());
        try (Scorer scorer = BreakableScorer.open(Breaker.SERVES_A_FILE_THAT_IS_OVER, flights.options())) {
            awaitVersion(scorer, 5);
            assertThatThrownBy(() -> assertNothingIsServedOfAnEpochThatIsOver(scorer))
                    .isInstanceOf(AssertionError.class).hasMessageContaining("epoch");
        }
    }

    private static void assertNothingIsServedOfAnEpochThatIsOver(Scorer scorer) {
        ServedVersion served = scorer.current();
        if (served != null) {
            assertThat(served.epoch()).as("epoch of what serves")
                    .isGreaterThanOrEqualTo(scorer.status().control().epoch());
        }
    }

    @Test
    void theFileOfADeletedModelIsDeleted() {
        Flights flights = new Flights();
        flights.control.createTopic();
        flights.serveAndStop(0);
        try (Scorer scorer = flights.open()) {
            awaitVersion(scorer, 5);
            flights.control.decide(flights.model, new ControlAction.Delete());
            await().atMost(SOON).untilAsserted(() -> {
                assertThat(scorer.current()).isNull();
                assertThat(flights.file()).doesNotExist();
            });
        }
        assertThat(flights.file()).doesNotExist();
    }

    @Test
    void whatIsOlderThanItMayBeAnswersButIsNotReady() {
        Flights flights = new Flights();
        flights.publisher.createTopic();
        flights.publisher.publish(flights.trainer.learn(5).publish());
        ManualClock clock = new ManualClock(System.currentTimeMillis());
        long age = clock.millis() - TestTrainer.appendTime(4);
        ScorerOptions options = flights.options().withClock(clock).withMaxAge(Duration.ofMillis(age + 1_000));
        try (Scorer scorer = open(options)) {
            awaitVersion(scorer, 5);
            assertThat(scorer.ready()).isTrue();
            assertThat(scorer.status().ready()).isTrue();
            clock.set(clock.millis() + 1_001);
            assertThat(scorer.ready()).isFalse();
            assertThat(scorer.status().ready()).isFalse();
            assertThat(scorer.score(TestTrainer.event(1)).freshnessMs()).isEqualTo(age + 1_001);
            clock.set(clock.millis() - 1);
            assertThat(scorer.ready()).isTrue();
        }
    }

    @Test
    void aNameThatIsAWayOutOfTheDirectoryIsRefused() {
        assertThatThrownBy(
                () -> ScorerOptions.of("../x", Map.of("bootstrap.servers", "127.0.0.1:1")).withStateDir(directory))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("found '../x'");
    }

    @Test
    void aStateDirectoryThatIsAFileIsToldAtOnce() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "x");
        ScorerOptions options =
                ScorerOptions.of("flights", Map.of("bootstrap.servers", "127.0.0.1:1")).withStateDir(file);
        assertThatThrownBy(() -> open(options)).isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("expected a directory, found a file");
    }
}
