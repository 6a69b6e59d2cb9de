package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.trainer.store.BreakableParts.KillPoint;
import io.tidegrad.trainer.store.BreakableParts.KillPoint.Moment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Trainers in JVMs of their own are killed with SIGKILL while a transactional producer writes. The oracle is a fold of
/// the visible events in this process. Each oracle is also seen to fail, on a trainer that is broken on purpose.
///
/// A run prints its seed; `-Dseed=…` repeats its choices.
class KillTest extends TrainerFixture {
    /// More of them, and of much else: ChaosTest.
    private static final int RANDOM_KILLS = 2;

    /// In order; the last three need state to restore, and so does every later life. The one before leaves commits without
    /// pages, which are learned again.
    private static final List<KillPoint> FIXED = List.of(new KillPoint(Moment.PAGE_LOGGED, 40),
            new KillPoint(Moment.BEFORE_MANIFEST, 3), new KillPoint(Moment.FLUSHED_NOT_COMMITTED, 4),
            new KillPoint(Moment.RECORD_RESTORED, 6), new KillPoint(Moment.EVENT_LEARNED_AGAIN, 3));

    /// So that there is a page to die at; the others write pages now and then.
    private static final String[] PAGES_IN_EACH_COMMIT = {"--redo-seconds", "0"};

    /// A second's events are worth pages, and that is how far apart commits are in a backlog.
    private static final String[] COMMITS_WITHOUT_PAGES = {"--freshness", "PT0.1S"};

    private long seed;

    KillTest() {
        super(4);
    }

    @Override
    @BeforeEach
    void open() {
        seed = Long.getLong("seed", System.nanoTime());
        System.out.println(
                "seed " + seed + " · rerun: mvn -pl trainer-app -am test -Dsurefire.failIfNoSpecifiedTests=false"
                        + " -Dtest=KillTest -Dseed=" + seed);
        super.open();
    }

    @LongProof("kills of real processes; SimulationTest has the same schedules in memory")
    @Test
    void everyEventChangesTheWeightsOnceWhateverDiesWhen() {
        SplittableRandom random = new SplittableRandom(seed);
        List<Long> millisToLearning = new ArrayList<>();
        try (Traffic traffic = new Traffic(log, seed)) {
            long killedAt = -1;
            Set<String> identity = Set.of();
            for (int kill = 0; kill < FIXED.size() + RANDOM_KILLS; kill++) {
                KillPoint point = kill < FIXED.size() ? FIXED.get(kill) : KillPoint.NEVER;
                String[] settings = switch (point.moment()) {
                    case PAGE_LOGGED -> PAGES_IN_EACH_COMMIT;
                    case FLUSHED_NOT_COMMITTED -> COMMITS_WITHOUT_PAGES;
                    default -> new String[0];
                };
                try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, point, settings)) {
                    if (point.moment() != Moment.RECORD_RESTORED && point.moment() != Moment.EVENT_LEARNED_AGAIN) {
                        trainer.await("LEARNED");
                        identity = identity.isEmpty() ? identity() : identity;
                        assertThat(strangers(identity)).isEmpty();
                        if (killedAt >= 0) {
                            millisToLearning.add((System.nanoTime() - killedAt) / 1_000_000);
                        }
                    }
                    if (point.moment() == Moment.NEVER) {
                        LockSupport.parkNanos(random.nextLong(1_500_000_000L)); // the moment is the test's input
                    } else {
                        trainer.await("AT");
                    }
                    killedAt = System.nanoTime();
                    trainer.kill();
                }
            }
            assertThat(traffic.committed()).isPositive();
        }
        millisToLearning.sort(null);
        System.out.println("SIGKILL to learning, JVM start included, ms: " + millisToLearning);

        TestLog.Fold fold = log.fold();
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER)) {
            int port = Integer.parseInt(trainer.await("READY"));
            JsonNode health = TrainerProcess.awaitReport(port, fold.nextOffset());
            assertThat(health.path("report").path("weights_hash").asText()).isEqualTo(fold.weightsHash());
            assertThat(health.path("report").path("state_hash").asText()).isEqualTo(fold.stateHash());
            assertThat(health.path("pending").asInt()).isEqualTo(fold.pending());
            long accounted = health.path("learned").asLong() + health.path("pending").asLong()
                    + health.path("dead_letters").asLong() + health.path("ticks").asLong();
            assertThat(accounted).isEqualTo(fold.visible());
            assertThat(trainer.stop()).isEqualTo(ExitCode.OK.status());
        }
        assertThat(log.deadLetterOffsets()).isNotEmpty().isEqualTo(fold.rejected());
        System.out.println(fold.visible() + " visible records, " + fold.rejected().size() + " dead letters, weights "
                + fold.weightsHash().substring(0, 16));
    }

    /// Labels turn round, so that a member starts again: before the kill, or in what is learned after it.
    @LongProof("a kill of a real process")
    @Test
    void aRecipeWhoseMemberStartsAgainIsWhatAFoldMakesOfItAfterAKill() {
        String yaml = log.spec().yaml().replaceFirst("network:.*", "recipe: auto").replaceFirst("optimizer:.*", "");
        ModelSpec spec = ModelSpec.parse(yaml, "a recipe");
        String[] settings = {"--spec", log.write("recipe.yaml", yaml).toString()};
        sendTurning(0, 2_200);
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER, settings)) {
            TrainerProcess.awaitReport(Integer.parseInt(trainer.await("READY")), 2_200);
            trainer.kill();
        }
        TestLog.Fold before = log.fold(spec);
        sendTurning(2_200, 4_200);
        TestLog.Fold fold = log.fold(spec);
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER, settings)) {
            int port = Integer.parseInt(trainer.await("READY"));
            JsonNode health = TrainerProcess.awaitReport(port, 4_200);
            assertThat(health.path("report").path("state_hash").asText()).isEqualTo(fold.stateHash());
            assertThat(trainer.stop()).isEqualTo(ExitCode.OK.status());
        }
        assertThat(before.restarts()).isPositive();
        assertThat(fold.restarts()).isGreaterThan(before.restarts());
    }

    /// The label is whether a is positive, or from row 1,500 to 3,000 whether it is not.
    private void sendTurning(int from, int to) {
        SplittableRandom random = new SplittableRandom(from);
        List<ProducerRecord<byte[], byte[]>> events = new ArrayList<>();
        for (int i = from; i < to; i++) {
            float a = (float) random.nextDouble(-1, 1);
            int over = a > 0 ^ i / 1_500 % 2 == 1 ? 1 : 0;
            events.add(log.event(log.encode(TestLog.START + i * 1_000L, "p" + i % 50, a, a * a, over)));
        }
        log.send(events);
    }

    /// While a trainer runs it notices, and a kill costs nothing. After a kill nobody can: the model is refused.
    @LongProof("kills of real processes")
    @Test
    void eventsThatAreDeletedUpToTheWatermarkCostTheModelOnlyIfNoTrainerRuns() {
        JsonNode learned;
        int sent = 200;
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER)) {
            int port = Integer.parseInt(trainer.await("READY"));
            learn(port, 0, 100);
            assertThat(stored(learn(port, 100, 200))).isLessThan(200);
            deleteBefore(200);
            // Silence would write pages, too.
            do {
                learned = learn(port, sent, ++sent);
            } while (stored(learned) < 200 && sent < 300);
            assertThat(stored(learned)).isGreaterThanOrEqualTo(200);
            trainer.kill();
        }
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER)) {
            int port = Integer.parseInt(trainer.await("READY"));
            assertThat(TrainerProcess.awaitReport(port, sent).path("report").path("state_hash"))
                    .isEqualTo(learned.path("report").path("state_hash"));
            assertThat(stored(learn(port, sent, sent + 100))).isLessThan(sent + 100);
            trainer.kill();
        }
        deleteBefore(sent + 100);
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER)) {
            assertThat(trainer.join()).isEqualTo(ExitCode.STATE_VIOLATION.status());
        }
    }

    /// The watermark of the state in the changelog.
    private static long stored(JsonNode health) {
        return health.path("image").path("watermark").asLong();
    }

    private JsonNode learn(int port, int from, int to) {
        log.send(from, to);
        return TrainerProcess.awaitReport(port, to);
    }

    private void deleteBefore(long offset) {
        TestLog.await(log.admin.deleteRecords(Map.of(log.partition(), RecordsToDelete.beforeOffset(offset))).all());
    }

    /// As whom the group and the transactions know this model's trainers.
    private Set<String> identity() {
        Set<String> identity = new TreeSet<>();
        TestLog.await(log.admin.describeConsumerGroups(List.of(log.group())).all()).values().forEach(group -> group
                .members().forEach(member -> identity.add("member " + member.groupInstanceId().orElse("nameless"))));
        TestLog.await(log.admin.listTransactions().all()).stream().map(TransactionListing::transactionalId)
                .filter(id -> id.startsWith(log.group())).forEach(id -> identity.add("transactions of " + id));
        return identity;
    }

    /// Invariant I9, the oracle: a trainer that takes its predecessor's place in the group and among the transactions
    /// waits for neither of them to time out; whoever is a stranger does, however fast it is.
    private Set<String> strangers(Set<String> identity) {
        Set<String> strangers = identity();
        strangers.removeAll(identity);
        return strangers;
    }

    @ProvesOracle(Breaker.FORGETS_WHO_IT_IS)
    @Test
    void aTrainerThatForgotWhoItIsIsReported() {
        log.send(0, 100);
        Set<String> identity;
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER)) {
            trainer.await("LEARNED");
            identity = identity();
            assertThat(identity).hasSize(2);
            trainer.kill();
        }
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.FORGETS_WHO_IT_IS, KillPoint.NEVER,
                "--state-dir", directory.resolve("another").toString())) {
            trainer.await("READY");
            await().atMost(PATIENCE).until(() -> !strangers(identity).isEmpty());
        }
    }

    @ProvesOracle(Breaker.LOGS_IN_COMMIT)
    @Test
    void theOracleCatchesPagesLoggedInCommit() {
        assertThat(hashAfterOneKill(Breaker.LOGS_IN_COMMIT)).isNotEqualTo(log.fold().stateHash());
    }

    @ProvesOracle(Breaker.FLUSHES_NOTHING)
    @Test
    void theOracleCatchesAFlushThatDoesNothing() {
        assertThat(hashAfterOneKill(Breaker.FLUSHES_NOTHING)).isNotEqualTo(log.fold().stateHash());
    }

    /// The same without a breaker: so the two above fail for the reason they name.
    @LongProof("two lives of a process, beside the oracles that it belongs to")
    @Test
    void theOracleIsContentWithAnUnbrokenStore() {
        assertThat(hashAfterOneKill(Breaker.NONE)).isEqualTo(log.fold().stateHash());
    }

    private String hashAfterOneKill(Breaker breaker) {
        log.send(0, 2_000);
        long half = log.fold().nextOffset();
        try (TrainerProcess trainer = TrainerProcess.start(log, breaker, KillPoint.NEVER)) {
            trainer.await("LEARNED");
            awaitGroupOffset(half);
            trainer.kill();
        }
        log.send(2_000, 3_000);
        try (TrainerProcess trainer = TrainerProcess.start(log, breaker, KillPoint.NEVER)) {
            trainer.await("LEARNED");
            awaitGroupOffset(log.fold().nextOffset());
            trainer.stop();
            return trainer.await("STATE");
        }
    }

    private void awaitGroupOffset(long offset) {
        await().atMost(PATIENCE).until(() -> {
            OffsetAndMetadata committed = groupOffset();
            return committed != null && committed.offset() >= offset;
        });
    }

    private @Nullable OffsetAndMetadata groupOffset() {
        return TestLog.await(log.admin.listConsumerGroupOffsets(log.group()).partitionsToOffsetAndMetadata())
                .get(log.partition());
    }

    /// With the check on the trainer stops and says so; with it off it learns 100 events twice, and only the oracle
    /// knows.
    @ProvesOracle(Breaker.CHECKS_NO_WATERMARK)
    @Test
    void theOracleCatchesAMovedGroupOffsetWithTheCheckOff() {
        moveTheGroupOffsetBetweenTwoLives();
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER)) {
            assertThat(trainer.await("ENDED")).startsWith("STATE_VIOLATION").contains("watermark 1000", "found none",
                    "altered by hand");
            assertThat(trainer.join()).isEqualTo(ExitCode.STATE_VIOLATION.status());
        }
        OffsetAndMetadata untouched = groupOffset();
        assertThat(untouched).isEqualTo(new OffsetAndMetadata(900, ""));

        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.CHECKS_NO_WATERMARK, KillPoint.NEVER)) {
            int port = Integer.parseInt(trainer.await("READY"));
            TestLog.Fold fold = log.fold();
            JsonNode health = TrainerProcess.awaitReport(port, fold.nextOffset());
            assertThat(health.path("report").path("state_hash").asText()).isNotEqualTo(fold.stateHash());
        }
    }

    /// 1,000 events are learned; then the group is moved back by 100 as `kafka-consumer-groups.sh --reset-offsets`
    /// does.
    private void moveTheGroupOffsetBetweenTwoLives() {
        log.send(0, 1_000);
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER)) {
            int port = Integer.parseInt(trainer.await("READY"));
            TrainerProcess.awaitReport(port, 1_000);
            assertThat(trainer.stop()).isZero();
        }
        log.endSessions();
        await().atMost(PATIENCE).ignoreExceptions() // the group's end takes a moment
                .until(() -> {
                    TestLog.await(log.admin.alterConsumerGroupOffsets(log.group(),
                            Map.of(log.partition(), new OffsetAndMetadata(900, ""))).all());
                    return true;
                });
        log.send(1_000, 1_200);
    }

    @ProvesOracle(Breaker.FLUSHES_NOTHING_GUARDED)
    @Test
    void theGuardStopsTheFirstCommitOfAStoreThatFlushesNothing() {
        assertStopsBeforeTheFirstCommit(Breaker.FLUSHES_NOTHING_GUARDED);
    }

    @ProvesOracle(Breaker.PUTS_NO_WATERMARK_GUARDED)
    @Test
    void theGuardStopsTheFirstCommitWithoutAWatermark() {
        assertStopsBeforeTheFirstCommit(Breaker.PUTS_NO_WATERMARK_GUARDED);
    }

    @Test
    @LongProof("a trainer is killed and starts again")
    void aSnapshotOfATransactionThatDoesNotCommitIsNeverSeen() {
        log.send(0, 500);
        KillPoint beforeTheFirstCommit = new KillPoint(Moment.FLUSHED_NOT_COMMITTED, 1);
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, beforeTheFirstCommit)) {
            trainer.await("AT");
            String snapshots = log.topics().snapshots(log.model());
            assertThat(log.manifests(log.records(snapshots, "read_uncommitted"))).hasSize(1);
            assertThat(log.manifests(log.visible(snapshots))).isEmpty();
            trainer.kill();
        }
    }

    private void assertStopsBeforeTheFirstCommit(Breaker breaker) {
        log.send(0, 500);
        try (TrainerProcess trainer = TrainerProcess.start(log, breaker, KillPoint.NEVER)) {
            assertThat(trainer.await("ENDED")).startsWith("STATE_VIOLATION").contains("commit refused");
        }
        OffsetAndMetadata committed = groupOffset();
        assertThat(committed == null ? 0 : committed.offset()).isZero();
        assertThat(log.visible(log.group() + "-model-changelog")).isEmpty();
    }
}
