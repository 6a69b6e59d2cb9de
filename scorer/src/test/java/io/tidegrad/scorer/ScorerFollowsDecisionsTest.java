package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlIntake;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ControlStatus;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// Decisions on the control topic of a real broker, and what a scorer makes of them. Each test has topics of its own.
/// Bounds are for liveness: six times and more what is usual.
@Execution(ExecutionMode.CONCURRENT)
class ScorerFollowsDecisionsTest {
    private static final Duration SOON = Duration.ofSeconds(30);

    private final String model = TestBroker.newModelName();
    private final Topics topics = new Topics("t-" + UUID.randomUUID());
    private final TestTrainer trainer = TestTrainer.of(model);
    private final TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), topics, model);
    private final TestControl control = new TestControl(TestBroker.bootstrapServers(), topics);

    @BeforeEach
    void createTopics() {
        publisher.createTopic();
        control.createTopic();
    }

    @AfterEach
    void close() {
        publisher.close();
        control.close();
    }

    private ScorerOptions options() {
        return TestBroker.options(model).withPrefix(topics.prefix());
    }

    private Scorer open() {
        return Scorer.open(options());
    }

    private PublishedSnapshot full() {
        PublishedSnapshot full = trainer.learn(3).publishFull();
        publisher.publish(full);
        return full;
    }

    private PublishedSnapshot delta() {
        PublishedSnapshot delta = trainer.learn(3).publishDelta();
        publisher.publish(delta);
        return delta;
    }

    /// The rest of an epoch that will be rolled back.
    private PublishedSnapshot goOn(int deltas) {
        PublishedSnapshot last = delta();
        for (int i = 1; i < deltas; i++) {
            last = delta();
        }
        return last;
    }

    private static void awaitServed(Scorer scorer, int epoch, PublishedSnapshot snapshot) {
        String version = epoch + "." + snapshot.manifest().version();
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(served(scorer)).as(scorer.status().toString()).isEqualTo(version));
        assertThat(scorer.weightsHash()).isEqualTo(snapshot.manifest().weightsHash());
    }

    private static String served(Scorer scorer) {
        ServedVersion served = scorer.current();
        return served == null ? "none" : served.epoch() + "." + served.version();
    }

    /// Invariant I14, the oracle: of one model (epoch, version) goes up from admission to admission.
    private static List<String> wentBack(Scorer scorer) {
        List<String> wentBack = new ArrayList<>();
        Map<String, AdmissionLog.Entry> last = new HashMap<>();
        for (AdmissionLog.Entry entry : scorer.admissions().after(0)) {
            AdmissionLog.Entry before = last.put(entry.model(), entry);
            if (before != null && (entry.epoch() < before.epoch()
                    || (entry.epoch() == before.epoch() && entry.version() < before.version()))) {
                wentBack.add(before + " then " + entry);
            }
        }
        return wentBack;
    }

    /// From before the record's transaction to the swap; the goal is 2 s.
    private static void printDelay(String to, Scorer scorer) {
        ControlRecord record = scorer.status().control().last();
        ServedVersion served = scorer.current();
        if (record != null && served != null) {
            System.out.println("rollback to " + to + ": served after " + (served.admittedAt() - record.time()) + " ms");
        }
    }

    /// Fault row 39.
    private List<String> lateSnapshotAfterARollback(Scorer scorer) {
        full();
        PublishedSnapshot base = delta();
        PublishedSnapshot old = goOn(5);
        awaitServed(scorer, 1, old);
        TestTrainer second = TestTrainer.of(model, 2, 16).learn((int) base.manifest().nextOffset());
        control.rollBack(2, base);
        awaitServed(scorer, 2, base);
        // The trainer of epoch 1 had not heard of it yet.
        delta();
        full();
        PublishedSnapshot next = second.learn(3).publishFull();
        publisher.publish(next);
        awaitServed(scorer, 2, next);
        PublishedSnapshot delta = second.learn(3).publishDelta();
        publisher.publish(delta);
        awaitServed(scorer, 2, delta);
        return wentBack(scorer);
    }

    @Test
    void aLateSnapshotOfAnEpochThatWasRolledBackIsRefused() {
        try (Scorer scorer = open()) {
            assertThat(lateSnapshotAfterARollback(scorer)).isEmpty();
            assertThat(scorer.status().refused()).containsEntry(RefusalReason.OLD_EPOCH, 2L);
            assertThat(scorer.status().control().problem()).isEmpty();
        }
    }

    @ProvesOracle(Breaker.ADMITS_AN_EPOCH_THAT_IS_OVER)
    @Test
    void aScorerThatTakesALateSnapshotOfAnOldEpochIsSeen() {
        try (Scorer scorer = BreakableScorer.open(Breaker.ADMITS_AN_EPOCH_THAT_IS_OVER, options())) {
            assertThat(lateSnapshotAfterARollback(scorer)).isNotEmpty();
        }
    }

    @Test
    void theVersionThatIsBroughtBackAnswersAsItDid() {
        PublishedSnapshot base = full();
        long[] offsets = {1_000, 1_001, 1_002};
        float[] answers = trainer.answers(offsets);
        try (Scorer scorer = open()) {
            awaitServed(scorer, 1, base);
            awaitServed(scorer, 1, goOn(2));
            control.rollBack(2, base);
            awaitServed(scorer, 2, base);
            printDelay("a version at hand", scorer);
            for (int i = 0; i < offsets.length; i++) {
                Prediction prediction = scorer.score(TestTrainer.event(offsets[i]));
                assertThat(prediction.probabilities()[0]).isEqualTo(answers[i]);
                assertThat(prediction.epoch()).isEqualTo(2);
                assertThat(prediction.offset()).isEqualTo(base.manifest().nextOffset());
            }
            assertThat(scorer.status().reading().broughtBack()).isEqualTo(1);
        }
    }

    /// What it goes back to is a delta of a chain that was replaced long ago, and nothing of the new epoch is there
    /// yet.
    @LongProof("a topic of 1,500 versions")
    @Test
    void aScorerThatStartsAfterARollbackServesItsBaseAndNoLateSnapshot() {
        full();
        delta();
        PublishedSnapshot base = delta();
        for (int fulls = 0; fulls < 20; fulls++) {
            full();
            goOn(3);
        }
        control.rollBack(2, base);
        PublishedSnapshot late = delta();
        try (Scorer scorer = open()) {
            awaitServed(scorer, 2, base);
            assertThat(scorer.admissions().count()).isEqualTo(1);
            TestTrainer second = TestTrainer.of(model, 2, 16).learn((int) base.manifest().nextOffset());
            // The same version once more, then one more.
            publisher.publish(second.publishFull());
            PublishedSnapshot next = second.learn(3).publishDelta();
            publisher.publish(next);
            awaitServed(scorer, 2, next);
            assertThat(scorer.status().refused().values()).containsOnly(0L);
            assertThat(scorer.score(TestTrainer.event(9)).version()).isLessThan(late.manifest().version());
        }
        try (Scorer again = open()) {
            await().atMost(SOON).until(() -> served(again).startsWith("2."));
            assertThat(again.status().reading().broughtBack()).isZero();
        }
    }

    @Test
    void aLookUpFindsWhatAScorerServes() {
        PublishedSnapshot base = full();
        PublishedSnapshot old = goOn(2);
        control.rollBack(2, base);
        LoadedModel found = SnapshotLookup.find(options(), OptionalInt.empty(), OptionalLong.empty());
        assertThat(found.manifest().epoch()).isEqualTo(2);
        assertThat(found.manifest().weightsHash()).isEqualTo(base.manifest().weightsHash());
        // By its number it is found in the epoch that has it.
        long version = old.manifest().version();
        assertThat(
                SnapshotLookup.find(options(), OptionalInt.empty(), OptionalLong.of(version)).manifest().weightsHash())
                .isEqualTo(old.manifest().weightsHash());
        PublishedSnapshot next = TestTrainer.of(model, 2, 16).learn(2).publishFull();
        publisher.publish(next);
        delta();
        assertThat(SnapshotLookup.find(options(), OptionalInt.empty(), OptionalLong.empty()).manifest().weightsHash())
                .isEqualTo(next.manifest().weightsHash());
    }

    /// The search for it reads a little here and there, not the topic.
    @Test
    void theBaseIsFoundWithoutReadingTheTopic() {
        PublishedSnapshot base = full();
        List<SnapshotEntry> many = new ArrayList<>();
        long bytes = 0;
        for (int versions = 0; versions < 1_500; versions++) {
            PublishedSnapshot snapshot = trainer.learn(1).publishFull();
            bytes += snapshot.bytes();
            many.addAll(snapshot.records());
            if (versions == 100) {
                base = snapshot;
            }
        }
        publisher.publish(many);
        PublishedSnapshot last = full();
        ScorerOptions small = ScorerOptions.of(model, Map.of("bootstrap.servers", TestBroker.bootstrapServers(),
                "max.partition.fetch.bytes", "" + 20 * base.bytes())).withPrefix(topics.prefix());
        try (Scorer scorer = Scorer.open(small)) {
            awaitServed(scorer, 1, last);
            long before = scorer.status().reading().bytes();
            control.rollBack(2, base);
            awaitServed(scorer, 2, base);
            printDelay("a version among 1,500 on the topic", scorer);
            assertThat(scorer.status().reading().bytes() - before).isLessThan(bytes / 3);
        }
    }

    /// The decision is committed while the chain's full snapshot is being decoded; fetches are so small that its deltas
    /// are still to be read.
    @Test
    void aRollbackEndsTheLoadingOfAChain() {
        PublishedSnapshot base = full();
        List<PublishedSnapshot> chain = new ArrayList<>();
        chain.add(full());
        for (int deltas = 0; deltas < 40; deltas++) {
            chain.add(delta());
        }
        AtomicInteger decoded = new AtomicInteger();
        ScorerOptions small = ScorerOptions.of(model, Map.of("bootstrap.servers", TestBroker.bootstrapServers(),
                "max.partition.fetch.bytes", "1", "max.poll.records", "1")).withPrefix(topics.prefix());
        try (Scorer scorer = Scorer.open(small, plan -> {
            if (decoded.getAndIncrement() == 0) {
                control.rollBack(2, base);
            }
            return Parameters.served(plan);
        }, new Succession(), new ControlIntake(model))) {
            awaitServed(scorer, 2, base);
            assertThat(scorer.admissions().after(0)).extracting(entry -> entry.epoch() + "." + entry.version())
                    .contains("1." + chain.getFirst().manifest().version())
                    .doesNotContain("1." + chain.getLast().manifest().version());
            assertThat(wentBack(scorer)).isEmpty();
        }
    }

    /// A large full snapshot is spread over transactions: parts of one epoch may be there when the other's manifest
    /// comes.
    @Test
    void aVersionInAssemblyIsDroppedWithItsEpochAndKeptFromAnOlderOne() {
        PublishedSnapshot base = full();
        try (Scorer scorer = open()) {
            awaitServed(scorer, 1, base);
            List<SnapshotEntry> old = trainer.learn(3).publishFull().records();
            publisher.publish(old.subList(0, old.size() - 1));
            control.rollBack(2, base);
            awaitServed(scorer, 2, base);

            TestTrainer second = TestTrainer.of(model, 2, 16).learn((int) base.manifest().nextOffset());
            PublishedSnapshot next = second.learn(3).publishFull();
            List<SnapshotEntry> records = next.records();
            publisher.publish(records.subList(0, records.size() - 1));
            publisher.publish(old.subList(old.size() - 1, old.size()));
            publisher.publish(records.subList(records.size() - 1, records.size()));
            awaitServed(scorer, 2, next);
            assertThat(scorer.status().refused()).containsEntry(RefusalReason.OLD_EPOCH, 1L);
            assertThat(scorer.status().refused()).containsEntry(RefusalReason.INCOMPLETE, 0L);
        }
    }

    @Test
    void aBaseThatIsGoneLeavesWhatServesUntilTheNewEpochPublishes() {
        PublishedSnapshot last = full();
        try (Scorer scorer = open()) {
            awaitServed(scorer, 1, last);
            control.decide(model,
                    new ControlAction.Rollback(2, new ControlAction.Base(1, 99_999, "ab".repeat(32), 1), 1));
            await().atMost(SOON).until(() -> scorer.status().control().problem().contains("1.99999"));
            assertThat(scorer.status().control().problem()).contains("can't be loaded").contains("still serves");
            awaitServed(scorer, 1, last);
            PublishedSnapshot next = TestTrainer.of(model, 2, 16).learn(2).publishFull();
            publisher.publish(next);
            awaitServed(scorer, 2, next);
            assertThat(scorer.status().control().problem()).isEmpty();
        }
    }

    @Test
    void aDamagedBaseIsNotServed() {
        PublishedSnapshot base = trainer.learn(3).publishFull();
        publisher.publish(Forgery.weight(base, trainer.model().parameters().plan(), 0x3f800000));
        PublishedSnapshot last = full();
        try (Scorer scorer = open()) {
            awaitServed(scorer, 1, last);
            control.rollBack(2, base);
            await().atMost(SOON).until(() -> scorer.status().control().problem().contains("the weights give"));
            assertThat(served(scorer)).isEqualTo("1." + last.manifest().version());
        }
    }

    @Test
    void aPromotedModelAnswersUntilTheNameIsItsOwnAgain() {
        String other = TestBroker.newModelName();
        TestTrainer challenger = TestTrainer.ofDistances(other);
        PublishedSnapshot own = full();
        try (TestPublisher theirs = new TestPublisher(TestBroker.bootstrapServers(), topics, other).createTopic();
                Scorer scorer = open()) {
            theirs.publish(challenger.learn(2).publishFull());
            awaitServed(scorer, 1, own);
            ScoringSession session = scorer.newSession();
            float[] mine = trainer.answers(new long[]{7});
            assertThat(session.score(TestTrainer.event(7))).isNull();
            assertThat(session.probability(0)).isEqualTo(mine[0]);

            control.decide(model, new ControlAction.Promote(other, 1));
            await().atMost(SOON).until(() -> scorer.score(TestTrainer.event(7)).model().equals(other));
            PublishedSnapshot theirNext = challenger.learn(2).publishDelta();
            theirs.publish(theirNext);
            awaitServed(scorer, 1, theirNext);
            // Lower than what its own model had: another model, another count.
            assertThat(session.score(TestTrainer.event(7))).isNull();
            assertThat(session.servedVersion().model()).isEqualTo(other);
            assertThat(session.probability(0)).isEqualTo(challenger.answers(new long[]{7})[0]);
            assertThat(scorer.status().control().model()).isEqualTo(other);

            // A rollback of the model that answers, and none of the one that doesn't.
            control.rollBack(2, own);
            theirs.beat(new Heartbeat(1, theirNext.manifest().version(), 4, true, 1));
            PublishedSnapshot theirThird = challenger.learn(2).publishDelta();
            theirs.publish(theirThird);
            awaitServed(scorer, 1, theirThird);

            control.decide(model, new ControlAction.Promote(model, 2));
            awaitServed(scorer, 2, own);
            assertThat(session.score(TestTrainer.event(7))).isNull();
            assertThat(session.servedVersion().model()).isEqualTo(model);
            assertThat(session.probability(0)).isEqualTo(mine[0]);
            assertThat(wentBack(scorer)).isEmpty();
        }
    }

    @Test
    void aPromotedModelWithoutSnapshotsLeavesWhatServesAndThatIsTold() {
        String other = TestBroker.newModelName();
        PublishedSnapshot own = full();
        try (Scorer scorer = open();
                TestPublisher theirs = new TestPublisher(TestBroker.bootstrapServers(), topics, other)) {
            awaitServed(scorer, 1, own);
            control.decide(model, new ControlAction.Promote(other, 1));
            await().atMost(SOON).until(() -> scorer.status().follower().equals("waiting-for-topic"));
            assertThat(scorer.status().control().problem()).contains("epoch 0 or above of " + other)
                    .contains("still serving " + model + " 1." + own.manifest().version());
            assertThat(scorer.score(TestTrainer.event(1)).model()).isEqualTo(model);
            PublishedSnapshot their = TestTrainer.ofDistances(other).learn(2).publishFull();
            theirs.createTopic().publish(their);
            awaitServed(scorer, 1, their);
            assertThat(scorer.status().control().problem()).isEmpty();
        }
    }

    @Test
    void aModelThatComesBackGoesOnWhereItWas() {
        String other = TestBroker.newModelName();
        PublishedSnapshot own = full();
        try (TestPublisher theirs = new TestPublisher(TestBroker.bootstrapServers(), topics, other).createTopic();
                Scorer scorer = open()) {
            PublishedSnapshot their = TestTrainer.ofDistances(other).learn(2).publishFull();
            theirs.publish(their);
            for (int times = 0; times < 2; times++) {
                awaitServed(scorer, 1, own);
                control.decide(model, new ControlAction.Promote(other, 1));
                awaitServed(scorer, 1, their);
                control.decide(model, new ControlAction.Promote(model, 1));
            }
            awaitServed(scorer, 1, own);
            assertThat(scorer.status().refused().values()).containsOnly(0L);
        }
    }

    /// One name, two models that publish deltas.
    private final class ThereAndBack implements AutoCloseable {
        final String other;
        final TestTrainer challenger;
        final TestPublisher theirs;
        final Scorer scorer;
        final List<Long> millis = new ArrayList<>();

        ThereAndBack(ScorerOptions options) {
            this(options, TestTrainer.ofDistances(TestBroker.newModelName()));
        }

        ThereAndBack(ScorerOptions options, TestTrainer challenger) {
            this.challenger = challenger;
            other = challenger.model().spec().model();
            theirs = new TestPublisher(TestBroker.bootstrapServers(), topics, other).createTopic();
            theirs.publish(challenger.learn(2).publishFull());
            scorer = Scorer.open(options);
        }

        PublishedSnapshot theirDelta() {
            PublishedSnapshot delta = challenger.learn(2).publishDelta();
            theirs.publish(delta);
            return delta;
        }

        PublishedSnapshot theirFull() {
            PublishedSnapshot full = challenger.learn(2).publishFull();
            theirs.publish(full);
            return full;
        }

        /// Decides, and measures until the model answers, by what was newest or a later version.
        void promote(String by, long newest) {
            long start = System.nanoTime();
            control.decide(model, new ControlAction.Promote(by, 1));
            await().pollInterval(Duration.ofMillis(2)).atMost(SOON).until(() -> {
                Prediction answer = scorer.score(TestTrainer.event(7));
                return answer.model().equals(by) && answer.version() >= newest;
            });
            millis.add((System.nanoTime() - start) / 1_000_000);
        }

        /// Decides, and measures until that version answers.
        void promote(String by, PublishedSnapshot newest) {
            long start = System.nanoTime();
            control.decide(model, new ControlAction.Promote(by, 1));
            await().pollInterval(Duration.ofMillis(5)).atMost(SOON)
                    .untilAsserted(() -> assertThat(scorer.score(TestTrainer.event(7))).as(scorer.status().toString())
                            .extracting(Prediction::model, Prediction::version)
                            .containsExactly(by, newest.manifest().version()));
            millis.add((System.nanoTime() - start) / 1_000_000);
            assertThat(scorer.weightsHash()).isEqualTo(newest.manifest().weightsHash());
        }

        void report(String how) {
            List<Long> sorted = millis.stream().sorted().toList();
            System.out.printf("%d promotions %s: followed after p50 %d ms, max %d ms%n", sorted.size(), how,
                    sorted.get(sorted.size() / 2), sorted.getLast());
            millis.clear();
        }

        @Override
        public void close() {
            scorer.close();
            theirs.close();
        }
    }

    @Test
    void aModelThatPublishesDeltasIsFollowedBackOnAnIdleLog() {
        full();
        PublishedSnapshot own = goOn(3);
        try (ThereAndBack swap = new ThereAndBack(options())) {
            awaitServed(swap.scorer, 1, own);
            PublishedSnapshot their = swap.theirDelta();
            for (int times = 0; times < 3; times++) {
                swap.promote(swap.other, their);
                swap.promote(model, own);
            }
            // And whatever comes next is a change to what serves.
            PublishedSnapshot next = delta();
            awaitServed(swap.scorer, 1, next);
            assertThat(swap.scorer.status().refused().values()).containsOnly(0L);
            assertThat(wentBack(swap.scorer)).isEmpty();
        }
    }

    @LongProof("a chain of deltas")
    @Test
    void deltasThatCameWhileAnotherModelAnsweredAreNotMissed() {
        full();
        PublishedSnapshot own = goOn(3);
        try (ThereAndBack swap = new ThereAndBack(options())) {
            awaitServed(swap.scorer, 1, own);
            for (int times = 0; times < 3; times++) {
                swap.promote(swap.other, swap.theirDelta());
                swap.promote(model, goOn(2));
            }
            awaitServed(swap.scorer, 1, delta());
            assertThat(swap.scorer.status().refused().values()).containsOnly(0L);
            assertThat(wentBack(swap.scorer)).isEmpty();
        }
    }

    /// The full snapshot of the other model leaves no memory for the version that answered before.
    @LongProof("a chain that is read twice")
    @Test
    void aModelThatIsNoLongerInMemoryIsFollowedBackByItsChain() {
        long room = full().bytes();
        PublishedSnapshot own = goOn(3);
        TestTrainer asLarge = TestTrainer.of(TestBroker.newModelName());
        try (ThereAndBack swap = new ThereAndBack(options().withMaxSnapshotBytes(room), asLarge)) {
            awaitServed(swap.scorer, 1, own);
            for (int times = 0; times < 3; times++) {
                swap.promote(swap.other, swap.theirDelta());
                awaitServed(swap.scorer, 1, swap.theirFull());
                long before = swap.scorer.status().reading().bytes();
                swap.promote(model, own);
                assertThat(swap.scorer.status().reading().bytes() - before).isGreaterThan(room);
            }
            awaitServed(swap.scorer, 1, delta());
            // And with deltas that came meanwhile, up to one whose part is gone.
            swap.promote(swap.other, swap.theirDelta());
            awaitServed(swap.scorer, 1, swap.theirFull());
            PublishedSnapshot good = delta();
            List<SnapshotEntry> bad = trainer.learn(3).publishDelta().records();
            publisher.publish(bad.subList(bad.size() - 1, bad.size()));
            swap.promote(model, good);
            assertThat(swap.scorer.status().refused()).containsEntry(RefusalReason.UNREADABLE, 1L);
            assertThat(wentBack(swap.scorer)).isEmpty();
        }
    }

    /// `-Dtidegrad.promotions=100` asks for more, and prints what it took.
    @LongProof("ten promotions there and back")
    @Test
    void promotedThereAndBackIdleAndUnderLoadAnswersAreFollowedEachTime() throws Exception {
        int promotions = Integer.getInteger("tidegrad.promotions", 10);
        full();
        PublishedSnapshot own = goOn(3);
        try (ThereAndBack swap = new ThereAndBack(options())) {
            awaitServed(swap.scorer, 1, own);
            PublishedSnapshot their = swap.theirDelta();
            for (int times = 0; times < promotions; times++) {
                swap.promote(swap.other, their);
                swap.promote(model, own);
            }
            swap.report("idle");

            AtomicLong newest = new AtomicLong(own.manifest().version());
            AtomicLong theirNewest = new AtomicLong(their.manifest().version());
            AtomicLong answers = new AtomicLong();
            AtomicBoolean over = new AtomicBoolean();
            try (ExecutorService load = Executors.newFixedThreadPool(3)) {
                List<Future<?>> running = List.of(load.submit(publishing(over, newest, this::full, this::delta)),
                        load.submit(publishing(over, theirNewest, swap::theirFull, swap::theirDelta)),
                        load.submit(() -> {
                            for (long i = 0; !over.get(); i++) {
                                swap.scorer.score(TestTrainer.event(i));
                                answers.incrementAndGet();
                            }
                        }));
                try {
                    for (int times = 0; times < promotions; times++) {
                        swap.promote(swap.other, theirNewest.get());
                        swap.promote(model, newest.get());
                    }
                } finally {
                    over.set(true);
                }
                for (Future<?> each : running) {
                    each.get();
                }
            }
            swap.report("under load");
            assertThat(answers.get()).isGreaterThan(promotions);
            assertThat(wentBack(swap.scorer)).isEmpty();
            assertThat(swap.scorer.status().refused().values()).containsOnly(0L);
        }
    }

    /// A full snapshot, nineteen deltas, and again, 50 a second.
    private static Runnable publishing(AtomicBoolean over, AtomicLong newest, Supplier<PublishedSnapshot> full,
            Supplier<PublishedSnapshot> delta) {
        return () -> {
            for (int i = 0; !over.get(); i++) {
                newest.set((i % 20 == 0 ? full : delta).get().manifest().version());
                LockSupport.parkNanos(20_000_000);
            }
        };
    }

    @Test
    void aDeletedModelAnswersNoMoreUntilItIsCreatedAgain() {
        PublishedSnapshot last = full();
        try (Scorer scorer = open()) {
            awaitServed(scorer, 1, last);
            control.decide(model, new ControlAction.Delete());
            await().atMost(SOON).until(() -> !scorer.ready());
            assertThat(scorer.status().follower()).isEqualTo("deleted");
            assertThat(scorer.status().followerDetail()).contains("deleted").contains("by ops@here: as tested");
            assertThatThrownBy(() -> scorer.score(TestTrainer.event(1))).isInstanceOf(NotReadyException.class)
                    .hasMessageContaining("deleted");
            assertThat(scorer.previous()).isEmpty();
            try (Scorer starting = open()) {
                await().atMost(SOON).until(() -> starting.status().follower().equals("deleted"));
                assertThat(starting.ready()).isFalse();
            }
            publisher.deleteTopic();
            PublishedSnapshot first = TestTrainer.of(model, 2, 8).learn(1).publishFull();
            control.create(model, 2, first.manifest());
            await().atMost(SOON).until(() -> scorer.status().follower().equals("waiting-for-topic"));
            publisher.createTopic();
            publisher.publish(first);
            awaitServed(scorer, 2, first);
        }
    }

    @Test
    void aPausedModelGoesOnAnsweringAndSaysSo() {
        PublishedSnapshot last = full();
        try (Scorer scorer = open()) {
            awaitServed(scorer, 1, last);
            control.decide(model, new ControlAction.Pause());
            await().atMost(SOON).until(() -> scorer.status().control().stage().equals("paused"));
            assertThat(scorer.score(TestTrainer.event(1)).version()).isEqualTo(last.manifest().version());
            control.decide(model, new ControlAction.Resume());
            await().atMost(SOON).until(() -> scorer.status().control().stage().equals("live"));
        }
    }

    @Test
    void aControlRecordThatCantBeReadIsToldAndThoseBehindItAreFollowed() {
        PublishedSnapshot base = full();
        try (Scorer scorer = open()) {
            awaitServed(scorer, 1, base);
            awaitServed(scorer, 1, goOn(2));
            control.write(model.getBytes(), new byte[]{1, 2, 3});
            control.rollBack(2, base);
            awaitServed(scorer, 2, base);
            ControlStatus status = scorer.status().control();
            assertThat(status.unreadable()).isEqualTo(1);
            assertThat(status.lastUnreadable()).contains("offset 0");
            control.rollBack(2, base);
            await().atMost(SOON).until(() -> scorer.status().control().unreadable() == 2);
            assertThat(scorer.status().control().lastUnreadable()).contains("expected an epoch above 2");
        }
    }

    /// An installation that is older than the control topic.
    @Test
    void aControlTopicThatComesLaterIsFollowed() {
        Topics older = new Topics("t-" + UUID.randomUUID());
        try (TestPublisher early = new TestPublisher(TestBroker.bootstrapServers(), older, model).createTopic();
                Scorer scorer = Scorer.open(TestBroker.options(model).withPrefix(older.prefix()));
                TestControl late = new TestControl(TestBroker.bootstrapServers(), older)) {
            PublishedSnapshot base = trainer.learn(3).publishFull();
            early.publish(base);
            awaitServed(scorer, 1, base);
            PublishedSnapshot next = trainer.learn(3).publishDelta();
            early.publish(next);
            awaitServed(scorer, 1, next);
            late.createTopic().rollBack(2, base);
            awaitServed(scorer, 2, base);
        }
    }

    @Test
    void aPinnedVersionServesWhateverIsPublishedOrDecidedAfterItUntilItIsDeleted() {
        full();
        PublishedSnapshot pinned = delta();
        ScorerOptions.Pin pin = new ScorerOptions.Pin(1, pinned.manifest().version());
        PublishedSnapshot base = delta();
        full();
        try (Scorer scorer = Scorer.open(options().withPin(pin)); Scorer following = open()) {
            awaitServed(scorer, 1, pinned);
            // From now on it would see whatever is published.
            await().atMost(SOON).until(() -> scorer.status().follower().equals("following"));
            awaitServed(following, 1, full());
            control.rollBack(2, base);
            control.decide(model, new ControlAction.Promote("another", 1));
            control.decide(model, new ControlAction.Promote(model, 2));
            awaitServed(following, 2, base);
            publisher.beat(new Heartbeat(2, 900, 901, true, System.currentTimeMillis()));
            await().atMost(SOON).until(() -> scorer.status().heartbeat() != null);
            assertThat(served(scorer)).isEqualTo(pin.toString());
            assertThat(scorer.status().refused().values()).containsOnly(0L);
            assertThat(scorer.admissions().count()).isEqualTo(1);
            control.decide(model, new ControlAction.Delete());
            await().atMost(SOON).until(() -> scorer.current() == null);
        }
    }

    @Test
    void aPinnedVersionThatIsNotThereIsToldAndNothingServes() {
        full();
        try (Scorer scorer = Scorer.open(options().withPin(new ScorerOptions.Pin(1, 77)))) {
            await().atMost(SOON).until(() -> scorer.status().follower().equals("refused"));
            assertThat(scorer.status().followerDetail())
                    .startsWith("version 1.77 of " + model + ", which is pinned, can't be loaded")
                    .contains("tidegrad snapshots list");
            assertThat(scorer.current()).isNull();
        }
    }
}
