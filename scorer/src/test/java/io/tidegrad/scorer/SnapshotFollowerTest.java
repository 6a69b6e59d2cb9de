package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.EmbeddedBroker;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.proof.LongProof;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// Against a real broker. Bounds are for liveness: six times and more what is usual.
@Execution(ExecutionMode.CONCURRENT)
class SnapshotFollowerTest {
    private static final Duration SOON = Duration.ofSeconds(30);

    private final String model = TestBroker.newModelName();
    private final TestTrainer trainer = TestTrainer.of(model);
    private final TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), model);

    @AfterEach
    void close() {
        publisher.close();
    }

    private static void awaitVersion(Scorer scorer, long version) {
        await().atMost(SOON).untilAsserted(() -> assertThat(version(scorer)).isEqualTo(version));
    }

    private static long version(Scorer scorer) {
        ServedVersion served = scorer.current();
        return served == null ? -1 : served.version();
    }

    /// Publishes the next version and waits for it: all that was written before it has then been read.
    private void publishAndAwait(Scorer scorer) {
        PublishedSnapshot next = trainer.learn(1).publish();
        publisher.publish(next);
        awaitVersion(scorer, next.manifest().version());
    }

    @Test
    void startsAtTheNewestVersionWithoutLoadingTheOthersAndFollows() throws Exception {
        publisher.createTopic();
        for (int i = 0; i < 20; i++) {
            publisher.publish(trainer.learn(1).publish());
        }
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            assertThat(scorer.awaitReady(SOON)).isTrue();
            assertThat(version(scorer)).isEqualTo(20);
            assertThat(scorer.status().snapshotsLoaded()).isEqualTo(1);
            publishAndAwait(scorer);
            assertThat(scorer.status().snapshotsLoaded()).isEqualTo(2);
            assertThat(scorer.weightsHash()).isEqualTo(trainer.model().weightsHash());
        }
    }

    @Test
    void waitsForATopicThatIsNotThereYet() {
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            await().atMost(SOON).until(() -> scorer.status().follower().equals("waiting-for-topic"));
            assertThat(scorer.status().followerDetail()).contains(model).contains("does not exist");
            assertThat(scorer.ready()).isFalse();
            publisher.createTopic();
            publishAndAwait(scorer);
        }
    }

    @Test
    void anAbortedSnapshotIsNeverSeen() {
        publisher.createTopic();
        publisher.publish(trainer.learn(5).publish());
        publisher.publishAborted(trainer.learn(5).publish());
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            awaitVersion(scorer, 5);
            publisher.publishAborted(trainer.learn(5).publish());
            publishAndAwait(scorer);
            assertThat(scorer.admissions().after(0)).extracting(AdmissionLog.Entry::version).containsExactly(5L, 16L);
            assertThat(scorer.status().snapshotsSeen()).isEqualTo(2);
        }
    }

    @Test
    void anOpenTransactionIsNotServedUntilItsCommit() {
        publisher.createTopic();
        publisher.publish(trainer.learn(5).publish());
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            awaitVersion(scorer, 5);
            Runnable commit = publisher.publishOpen(trainer.learn(5).publish());
            try (Scorer other = Scorer.open(TestBroker.options(model))) {
                awaitVersion(other, 5);
            }
            assertThat(version(scorer)).isEqualTo(5);
            commit.run();
            awaitVersion(scorer, 10);
        }
    }

    @Test
    void aBadNewestVersionAtTheStartLeavesTheOneBeforeIt() {
        publisher.createTopic();
        publisher.publish(trainer.learn(5).publish());
        publisher.publish(damaged(trainer.learn(5).publish()));
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            awaitVersion(scorer, 5);
            // The second transaction's marker may still be on its way when the scorer starts.
            await().atMost(SOON).untilAsserted(
                    () -> assertThat(scorer.status().refused()).containsEntry(RefusalReason.UNREADABLE, 1L));
            publisher.publish(damaged(trainer.learn(5).publish()));
            publishAndAwait(scorer);
            assertThat(scorer.admissions().after(0)).extracting(AdmissionLog.Entry::version).containsExactly(5L, 16L);
        }
    }

    /// One bit of the last part is not what was published.
    private static List<SnapshotEntry> damaged(PublishedSnapshot snapshot) {
        List<SnapshotEntry> records = new ArrayList<>(snapshot.records());
        int last = records.size() - 2;
        byte[] value = records.get(last).value().clone();
        value[value.length / 2] ^= 1;
        records.set(last, new SnapshotEntry(records.get(last).key(), value));
        return records;
    }

    @Test
    void manyHeartbeatsAfterTheNewestVersionDoNotHideIt() {
        publisher.createTopic();
        publisher.publish(trainer.learn(5).publish());
        for (int i = 0; i < 40; i++) {
            publisher.beat(new Heartbeat(1, 5, 5, true, 1_700_000_000_000L + i));
        }
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            awaitVersion(scorer, 5);
            await().atMost(SOON).until(() -> scorer.status().heartbeat() != null);
        }
    }

    @Test
    void aVersionHalfWrittenAtTheStartIsReadToItsEnd() {
        publisher.createTopic();
        publisher.publish(trainer.learn(5).publish());
        List<SnapshotEntry> next = trainer.learn(5).publish().records();
        // Without a transaction the parts can be seen before their manifest.
        for (SnapshotEntry part : next.subList(0, next.size() - 1)) {
            publisher.writePlain(part.key(), part.value());
        }
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            awaitVersion(scorer, 5);
            publisher.writePlain(next.getLast().key(), next.getLast().value());
            awaitVersion(scorer, 10);
            assertThat(scorer.status().refused().values()).containsOnly(0L);
        }
    }

    @Test
    void retiredVersionsAndForeignRecordsArePassedOver() {
        publisher.createTopic();
        PublishedSnapshot first = trainer.learn(5).publish();
        publisher.publish(first);
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            awaitVersion(scorer, 5);
            publishAndAwait(scorer);
            PublishedSnapshot.keys(1, 5, first.manifest().parts()).forEach(publisher::writeTombstone);
            publisher.writePlain(SnapshotKey.part(1, 99, 0).encode(), new byte[]{1, 2, 3});
            publishAndAwait(scorer);
            assertThat(version(scorer)).isEqualTo(7);
        }
    }

    @Test
    void freshnessIsZeroWhileHeartbeatsSaySoAndGrowsWithoutThem() {
        publisher.createTopic();
        publisher.publish(trainer.learn(5).publish());
        ManualClock clock = new ManualClock(System.currentTimeMillis() + 1_000);
        long age = clock.millis() - TestTrainer.appendTime(4);
        try (Scorer scorer = Scorer.open(TestBroker.options(model).withClock(clock))) {
            awaitVersion(scorer, 5);
            assertThat(scorer.score(TestTrainer.event(1)).freshnessMs()).isEqualTo(age);
            publisher.beat(new Heartbeat(1, 5, 5, true, clock.millis()));
            await().atMost(SOON).until(() -> scorer.score(TestTrainer.event(1)).freshnessMs() == 0);
            clock.set(clock.millis() + 10_000);
            assertThat(scorer.score(TestTrainer.event(1)).freshnessMs()).isEqualTo(age + 10_000);
            assertThat(scorer.status().clockBehindMs()).isZero();
        }
    }

    @Test
    void aScorerWhoseClockIsBehindSaysSoAndCountsByTheTrainers() {
        publisher.createTopic();
        publisher.publish(trainer.learn(5).publish());
        ManualClock clock = new ManualClock(System.currentTimeMillis() - 3_600_000);
        try (Scorer scorer = Scorer.open(TestBroker.options(model).withClock(clock))) {
            awaitVersion(scorer, 5);
            publisher.beat(new Heartbeat(1, 6, 6, false, clock.millis() + 3_600_000));
            await().atMost(SOON).until(() -> scorer.status().clockBehindMs() == 3_600_000);
            assertThat(scorer.score(TestTrainer.event(1)).freshnessMs())
                    .isEqualTo(clock.millis() + 3_600_000 - TestTrainer.appendTime(4));
        }
    }

    @Test
    void aTopicThatWasMadeAnewIsFollowedWithItsHeartbeatsAndItsVersions() {
        publisher.createTopic();
        publisher.publish(trainer.learn(5).publish());
        for (int i = 0; i < 60; i++) {
            publisher.beat(new Heartbeat(1, 5, 5, true, 1_700_000_000_000L + i));
        }
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            awaitVersion(scorer, 5);
            await().atMost(SOON).until(() -> beatAt(scorer) == 1_700_000_000_059L);
            publisher.deleteTopic();
            await().atMost(SOON).until(() -> recreated(publisher));
            Heartbeat anew = new Heartbeat(1, 5, 5, true, 1_700_000_001_000L);
            publisher.beat(anew);
            await().atMost(SOON).untilAsserted(() -> assertThat(beatAt(scorer)).isEqualTo(anew.time()));
            publisher.publish(trainer.learn(2).publish());
            awaitVersion(scorer, 7);
            publishAndAwait(scorer);
        }
    }

    private static long beatAt(Scorer scorer) {
        Heartbeat beat = scorer.status().heartbeat();
        return beat == null ? 0 : beat.time();
    }

    /// Deletion takes a while.
    private static boolean recreated(TestPublisher publisher) {
        try {
            publisher.createTopic();
            return true;
        } catch (IllegalStateException stillThere) {
            return false;
        }
    }

    @Test
    @LongProof("a broker is stopped and started")
    void keepsServingWhileKafkaIsAwayAndGoesOnWhenItIsBack() {
        try (EmbeddedBroker broker = EmbeddedBroker.start(BrokerOptions.temporary())) {
            try (TestPublisher other = new TestPublisher(broker.bootstrapServers(), model).createTopic();
                    Scorer scorer = Scorer
                            .open(ScorerOptions.of(model, Map.of("bootstrap.servers", broker.bootstrapServers())))) {
                other.publish(trainer.learn(5).publish());
                awaitVersion(scorer, 5);
                float before = scorer.score(TestTrainer.event(1)).probabilities()[0];
                broker.stopNode(0);
                for (int i = 0; i < 1_000; i++) {
                    Prediction prediction = scorer.score(TestTrainer.event(1));
                    assertThat(prediction.probabilities()[0]).isEqualTo(before);
                    assertThat(prediction.version()).isEqualTo(5);
                }
                broker.startNode(0);
                other.publish(trainer.learn(5).publish());
                awaitVersion(scorer, 10);
            }
        }
    }

    @Test
    void startsWithoutKafkaAndServesOnceItIsThere() {
        int port;
        try (EmbeddedBroker broker = EmbeddedBroker.start(BrokerOptions.temporary())) {
            port = Integer
                    .parseInt(broker.bootstrapServers().substring(broker.bootstrapServers().lastIndexOf(':') + 1));
        }
        String servers = "127.0.0.1:" + port;
        try (Scorer scorer = Scorer.open(ScorerOptions.of(model, Map.of("bootstrap.servers", servers)))) {
            assertThat(scorer.ready()).isFalse();
            try (EmbeddedBroker broker = EmbeddedBroker.start(BrokerOptions.temporary().withPort(port));
                    TestPublisher other = new TestPublisher(broker.bootstrapServers(), model).createTopic()) {
                other.publish(trainer.learn(5).publish());
                await().atMost(Duration.ofSeconds(60))
                        .untilAsserted(() -> assertThat(version(scorer)).as(scorer.status().toString()).isEqualTo(5));
            }
        }
    }

    @Test
    void closingIsPromptWhateverTheFollowerWaitsFor() {
        Scorer waiting = Scorer.open(ScorerOptions.of(model, Map.of("bootstrap.servers", "127.0.0.1:1")));
        waiting.close();
        assertThat(waiting.status().follower()).isEqualTo("closed");
    }
}
