package io.tidegrad.trainer;

import io.tidegrad.control.Candidate;
import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ControlState;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.ModelCatalog;
import io.tidegrad.control.ModelData;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.control.TrainerObserver;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.process.TopicWatch;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.Verify;
import io.tidegrad.replay.VerifyOptions;
import io.tidegrad.replay.VerifyResult;
import io.tidegrad.schemas.ConfluentAvroDeserializer;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.relearn.ReplayProgress;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.BreakableParts;
import io.tidegrad.trainer.store.BreakableParts.KillPoint;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.StoreParts;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.function.LongPredicate;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/// What people decide about models, and what a trainer makes of it, on a real broker.
@Execution(ExecutionMode.CONCURRENT)
class ControlTest extends TrainerFixture {
    private static final String[] ALL_SNAPSHOTS = {"--keep-snapshots", "1000"};

    /// How many events a model learns that goes on at `RESUMED` after a rollback to a place not far before.
    private static final int LEARNED = 1_700;

    private static final int RESUMED = 1_500;

    ControlTest() {
        super(1);
    }

    private ModelRecord registered(String model) {
        return Objects.requireNonNull(view().models().get(model));
    }

    private TrainerObserver trainers() {
        return new TrainerObserver(kafka(), log.topics(), log.admin);
    }

    private Decisions.RolledBack rollback(long version, Decisions.ResumeAt resumeAt) {
        return decisions().rollback(log.model(), new Decisions.Back(OptionalInt.empty(), version, resumeAt),
                (epoch, base) -> {
                }, this::requireReachable);
    }

    private void requireReachable(Lineage lineage, long nextOffset) {
        TimeTravel.requireReachable(kafka(), log.topics(), lineage, nextOffset);
    }

    private static Decisions.ResumeAt at(LogPosition place) {
        return new Decisions.ResumeAt.At(place);
    }

    private static TrainerConfig allModels(List<String> arguments) {
        return TrainerConfig.parse(arguments, Map.of("TIDEGRAD_ALL_MODELS", "true"));
    }

    /// In this epoch, everything before `nextOffset` learned, published and committed.
    private static CommittedState awaitSettled(TrainerApp trainer, int epoch, long nextOffset) {
        await().atMost(PATIENCE).until(() -> {
            if (trainer.ended().isDone()) {
                throw trainer.ended().join();
            }
            return trainer.models().stream().anyMatch(model -> {
                CommittedState state = model.committed();
                return model.lineage().epoch() == epoch && state != null && state.settled()
                        && state.nextOffset() == nextOffset;
            });
        });
        return Objects.requireNonNull(trainer.models().getFirst().committed());
    }

    private static String stateHash(CommittedState state) {
        return Objects.requireNonNull(state.report()).stateHash();
    }

    private void learn(TrainerApp trainer, int epoch, int from, int to, int step) {
        for (int next = from + step; next <= to; next += step) {
            log.send(next - step, next);
            awaitSettled(trainer, epoch, next);
        }
    }

    private VerifyResult verify() {
        return Verify.run(new VerifyOptions(kafka(), registry(), log.prefix, log.model(), log.model(),
                OptionalLong.empty(), Kernels.active(), 1), VerifyTest.scorer(log, log.model()),
                ReplayProgress.Listener.NONE);
    }

    private TimeTravel.PastModel past(long offset) {
        return past(new LogPosition.Offset(offset));
    }

    private TimeTravel.PastModel past(LogPosition place) {
        return TimeTravel.to(
                new TimeTravel.Options(kafka(), registry(), log.prefix, log.model(), place, Kernels.active()),
                ReplayProgress.Listener.NONE);
    }

    private List<SnapshotManifest> manifests(int epoch) {
        return log.manifests(log.visible(log.topics().snapshots(log.model()))).stream()
                .filter(manifest -> manifest.epoch() == epoch).toList();
    }

    @Test
    void aRollbackGoesOnFromThePublishedVersionAndLeavesOutWhatWasLearnedSince() {
        LongPredicate learned = offset -> offset < 200 || offset >= 400;
        try (TrainerApp trainer = TrainerApp.start(log.config(ALL_SNAPSHOTS))) {
            learn(trainer, 1, 0, 400, 100);
            // Where this machine is slow, a snapshot lies between the first hundred events, too.
            SnapshotManifest base =
                    manifests(1).stream().filter(each -> each.version() == 200).findFirst().orElseThrow();

            Decisions.RolledBack decided = rollback(200, at(new LogPosition.End()));
            assertThat(decided.skipped()).isEqualTo(200);
            assertThat(decided.rollback().epoch()).isEqualTo(2);
            awaitSettled(trainer, 2, 400);
            SnapshotManifest first = manifests(2).getFirst();
            assertThat(first.version()).isEqualTo(200);
            assertThat(first.weightsHash()).isEqualTo(base.weightsHash());
            assertThat(first.nextOffset()).isEqualTo(400);
            assertThat(first.origin()).isEqualTo(new SnapshotManifest.Origin(1, 200, 200, 400, "a test"));
            assertThat(trainers().runs(log.model(), 1)).isFalse();
            assertThat(trainers().runs(log.model(), 2)).isTrue();

            learn(trainer, 2, 400, 600, 100);
            CommittedState state = awaitSettled(trainer, 2, 600);
            assertThat(stateHash(state)).isEqualTo(log.fold(learned).stateHash());
            assertThat(state.accounts().accepted()).isEqualTo(400);
        }
        VerifyResult verified = verify();
        assertThat(verified.difference()).isNull();
        assertThat(verified.events()).isEqualTo(400);
        assertThat(verified.compared()).isGreaterThanOrEqualTo(4);
        assertThat(Replay.run(Replays.of(kafka(), registry(), log.prefix, log.model())).stateHash())
                .isEqualTo(log.fold(learned).stateHash());
        // Within what was left out it is the base; before it, what the epoch before was.
        assertThat(past(300).model().stateHash()).isEqualTo(log.fold(offset -> offset < 200).stateHash());
        assertThat(past(150).model().stateHash()).isEqualTo(log.fold(offset -> offset < 150).stateHash());
        assertThat(past(450).model().stateHash()).isEqualTo(log.fold(o -> o < 450 && learned.test(o)).stateHash());
    }

    @LongProof("two lives of a trainer")
    @Test
    void aTrainerThatWasDownDuringTheRollbackDoesTheSameAtItsStart() {
        rollBackWhileTheTrainerIsDown();
        assertThat(verify().difference()).isNull();
    }

    /// Decodes as many events as the gate lets through.
    public static final class GatedDeserializer implements Deserializer<@Nullable GenericRecord> {
        static final CountDownLatch REACHED = new CountDownLatch(1);
        static final Semaphore GATE = new Semaphore(0);

        private final ConfluentAvroDeserializer ours = new ConfluentAvroDeserializer();

        @Override
        public void configure(Map<String, ?> settings, boolean isKey) {
            ours.configure(settings, isKey);
        }

        @Override
        public @Nullable GenericRecord deserialize(String topic, byte @Nullable [] value) {
            REACHED.countDown();
            try {
                assertThat(GATE.tryAcquire(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return ours.deserialize(topic, value);
        }

        @Override
        public void close() {
            ours.close();
        }
    }

    /// Decides to leave out a part of the log, from a place of which no version is published.
    private Decisions.RolledBack rollback(TimeTravel.PastModel base) {
        return decisions().rollback(log.model(), 1, Handover.base(base), at(new LogPosition.Offset(RESUMED)));
    }

    /// Makes the model of a place from which no version is published, also where a slow machine publishes more of them.
    private TimeTravel.PastModel unpublished() {
        List<Long> published = manifests(1).stream().map(SnapshotManifest::version).toList();
        return past(LongStream.range(RESUMED - 100, RESUMED).filter(each -> !published.contains(each)).findFirst()
                .orElseThrow());
    }

    private void requireGoneOnFrom(TimeTravel.PastModel base, CommittedState state) {
        long left = base.nextOffset();
        assertThat(stateHash(state)).isEqualTo(log.fold(offset -> offset < left || offset >= RESUMED).stateHash());
        SnapshotManifest first = manifests(2).getFirst();
        assertThat(first.version()).isEqualTo(left);
        assertThat(first.nextOffset()).isEqualTo(RESUMED);
        assertThat(first.weightsHash()).isEqualTo(base.model().weightsHash());
        assertThat(verify().difference()).isNull();
    }

    @LongProof("two trainers, one after the other")
    @Test
    void aTrainerPublishesTheBaseOfACommandThatDiedAfterItsDecision() {
        try (TrainerApp trainer = TrainerApp.start(log.config(ALL_SNAPSHOTS))) {
            learn(trainer, 1, 0, LEARNED, LEARNED);
        }
        TimeTravel.PastModel base = unpublished();
        rollback(base);
        TestLog.refused(() -> decisions().promote(log.model(), log.model()), ExitCode.CONFIGURATION,
                "expected a version of epoch 2 on topic ", "found none, so that nothing could answer");
        try (TrainerApp trainer = TrainerApp.start(log.config(ALL_SNAPSHOTS))) {
            requireGoneOnFrom(base, awaitSettled(trainer, 2, LEARNED));
        }
        decisions().promote(log.model(), log.model());
    }

    @LongProof("two trainers, one after the other")
    @Test
    void aTrainerThatIsStillLearningTheBaseGoesOnWithWhatTheCommandHasWritten() throws InterruptedException {
        try (TrainerApp trainer = TrainerApp.start(log.config(ALL_SNAPSHOTS))) {
            learn(trainer, 1, 0, LEARNED, LEARNED);
        }
        TimeTravel.PastModel base = unpublished();
        Decisions.RolledBack back = rollback(base);
        AtomicInteger let = new AtomicInteger();
        try (TrainerApp trainer = TrainerApp
                .start(log.config(FatalDeserializer.SETTING, GatedDeserializer.class.getName(), "--workers", "2"))) {
            assertThat(GatedDeserializer.REACHED.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
            await("two threads learn the base").atMost(PATIENCE).until(() -> TestLog.workers() == 1);
            Handover.begin(new Publishing(kafka(), log.topics(), (short) -1, -1, PublishedSnapshot.Form.PLAIN), back,
                    base, log.admin);
            String group = log.topics().applicationId(log.model(), 2);
            Changelog changelog = new Changelog(new TopicPartition(Topics.changelog(group), 0), readCommitted());
            // Kafka answers a commit a little before its end is on the topic.
            await().atMost(PATIENCE).untilAsserted(() -> assertThat(changelog.watermark()).isEqualTo(RESUMED));
            // It looks between two chunks of 256 events, every 2 s. The base needs more events than are let through.
            await().atMost(PATIENCE).pollInterval(Duration.ofMillis(100)).until(() -> {
                int more = Math.min(16, 4 * 256 - let.get());
                let.addAndGet(more);
                GatedDeserializer.GATE.release(more);
                return trainer.models().stream()
                        .anyMatch(each -> each.lineage().epoch() == 2 && each.committed() != null);
            });
            GatedDeserializer.GATE.release(Integer.MAX_VALUE / 2);
            requireGoneOnFrom(base, awaitSettled(trainer, 2, LEARNED));
        }
    }

    private void rollBackWhileTheTrainerIsDown() {
        try (TrainerApp trainer = TrainerApp.start(log.config(ALL_SNAPSHOTS))) {
            learn(trainer, 1, 0, 300, 100);
        }
        rollback(100, new Decisions.ResumeAt.Base());
        decisions().promote(log.model(), log.model()); // its base is published, so that it can answer
        log.send(300, 350);
        try (TrainerApp trainer = TrainerApp.start(log.config(ALL_SNAPSHOTS))) {
            // Learned from the base's offset on: nothing is left out.
            assertThat(stateHash(awaitSettled(trainer, 2, 350))).isEqualTo(log.fold().stateHash());
        }
    }

    @LongProof("three trainers over four epochs")
    @Test
    void anEpochThatTwoRollbacksWentBackBehindIsLeftOut() {
        rollBackWhileTheTrainerIsDown();
        // Back to a version of the first epoch, then to one of the third: the second is left out.
        rollback(200, at(new LogPosition.Offset(310)));
        try (TrainerApp trainer = TrainerApp.start(log.config(ALL_SNAPSHOTS))) {
            awaitSettled(trainer, 3, 350);
            learn(trainer, 3, 350, 400, 50);
            long third = manifests(3).get(1).version();
            log.send(400, 420);
            awaitSettled(trainer, 3, 420);
            rollback(third, at(new LogPosition.End()));
            awaitSettled(trainer, 4, 420);
            log.send(420, 430);
            CommittedState state = awaitSettled(trainer, 4, 430);
            long base = manifests(3).get(1).nextOffset();
            assertThat(stateHash(state))
                    .isEqualTo(log.fold(o -> o < 200 || o >= 310 && o < base || o >= 420).stateHash());
            assertThat(trainer.models().getFirst().lineage().rollbacks()).extracting(ControlAction.Rollback::epoch)
                    .containsExactly(3, 4);
        }
        assertThat(verify().difference()).isNull();
    }

    @Test
    void aPausedModelLearnsNothingUntilItIsResumedAndThenEverything() {
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            learn(trainer, 1, 0, 100, 100);
            decisions().pause(log.model());
            assertThat(trainers().awaitStopped(log.model(), 1, PATIENCE)).isTrue();
            await().atMost(PATIENCE).until(() -> trainer.models().isEmpty());
            log.send(100, 200);
            assertThat(registered(log.model()).getStage()).isEqualTo(Stage.PAUSED);
            assertThat(new Changelog(partition(), readCommitted()).watermark()).isEqualTo(100);
            TestLog.refused(() -> decisions().pause(log.model()), ExitCode.CONFIGURATION, "is paused already");
        }
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            assertThat(trainer.models()).isEmpty();
            long mark = trainers().mark(log.model());
            decisions().resume(log.model());
            assertThat(trainers().awaitLearning(log.model(), 1, mark, PATIENCE)).isPresent();
            assertThat(stateHash(awaitSettled(trainer, 1, 200))).isEqualTo(log.fold().stateHash());
            assertThat(registered(log.model()).getStage()).isEqualTo(Stage.LIVE);
        }
    }

    private TopicPartition partition() {
        return new TopicPartition(Topics.changelog(log.group()), 0);
    }

    private ReadCommitted readCommitted() {
        return new ReadCommitted(kafka().client());
    }

    @Test
    void aDeletedModelIsGoneUntilItIsMadeAnewAndThenBeginsFromNothing() {
        try (TrainerApp trainer = TrainerApp.start(allModels(log.arguments()))) {
            learn(trainer, 1, 0, 100, 100);
            decisions().delete(log.model());
            assertThat(trainers().awaitStopped(log.model(), 1, PATIENCE)).isTrue();
            await().atMost(PATIENCE).until(() -> trainer.models().isEmpty());
            assertThat(new ModelData(log.topics(), log.admin).delete(log.model(), 1))
                    .containsExactlyInAnyOrder(log.topics().snapshots(log.model()), Topics.changelog(log.group()));
            TestLog.refused(() -> decisions().pause(log.model()), ExitCode.CONFIGURATION, "ann@host deleted it",
                    "tidegrad models create");
            // A supervisor that starts the trainer again does not bring it back.
            TestLog.refused(
                    () -> TrainerApp.start(log.config("--state-dir", directory.resolve("other").toString())).close(),
                    ExitCode.CONFIGURATION, "ann@host deleted it", "or leave it out");

            Decisions.Decided created =
                    decisions().create(log.spec(), new LogPosition.Offset(50), (given, view) -> given);
            assertThat(Objects.requireNonNull(created.after()).getEpoch()).isEqualTo(2);
            assertThat(stateHash(awaitSettled(trainer, 2, 100)))
                    .isEqualTo(log.fold(offset -> offset >= 50).stateHash());
        }
    }

    /// What the refusal of a topic that was made anew advises.
    @LongProof("two logs")
    @Test
    void aModelWhoseLogWasMadeAnewIsDeletedAndCreatedAndLearnsTheNewOne() {
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            learn(trainer, 1, 0, 100, 100);
        }
        TestLog.await(log.admin.deleteTopics(List.of(log.topic)).all());
        await().atMost(PATIENCE).ignoreExceptions() // a deletion takes a moment
                .until(() -> log.created() != null);
        log.send(500, 550);
        TestLog.refused(() -> TrainerApp.start(log.config()).close(), ExitCode.STATE_VIOLATION,
                "deleted and created again", "tidegrad models delete " + log.model() + ", then tidegrad models create");
        log.endSessions();
        decisions().delete(log.model());
        assertThat(trainers().awaitStopped(log.model(), 1, PATIENCE)).isTrue();
        new ModelData(log.topics(), log.admin).delete(log.model(), 1);
        decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            assertThat(stateHash(awaitSettled(trainer, 2, 50))).isEqualTo(log.fold().stateHash());
        }
    }

    @Test
    void aTrainerOfAllModelsTakesUpWhatIsCreatedWhileItRuns() {
        log.send(0, 50);
        try (TestLog other = new TestLog(directory, 1).created()) {
            other.send(0, 30);
            decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
            List<String> arguments = new ArrayList<>(log.arguments());
            int spec = arguments.indexOf("--spec");
            arguments.subList(spec, spec + 2).clear();
            try (TrainerApp trainer = TrainerApp.start(allModels(arguments))) {
                awaitSettled(trainer, 1, 50);
                decisions().create(other.spec(), new LogPosition.Begin(), (given, view) -> given);
                await().atMost(PATIENCE)
                        .until(() -> trainer.models().stream().map(ModelTrainer::committed).filter(Objects::nonNull)
                                .map(CommittedState::nextOffset).toList().containsAll(List.of(50L, 30L)));
            }
        }
    }

    @LongProof("many models in one trainer")
    @Test
    void theMoreModelsThereAreTheFurtherApartEachCommits() {
        IntSupplier[] models = {() -> 0};
        TopicWatch watch = new TopicWatch(new KafkaTopics(log.admin, (short) -1), () -> {
        });
        ModelTrainer.Surroundings surroundings =
                new ModelTrainer.Surroundings(log.config(), "here", log.admin, watch, log.registry, Kernels.active(),
                        new WarmUps(Kernels.active()), () -> models[0].getAsInt(), StoreParts.STANDARD);
        Supplier<Duration> apart = () -> StreamsSettings.commitIntervalMin(kafka(), surroundings.models().getAsInt());
        try (ModelSlots slots = new ModelSlots(new ModelCatalog(log.topics().models(), kafka()), Map.of(), count -> {
            models[0] = count;
            return surroundings;
        }, why -> {
        })) {
            slots.add("m0", List.of());
            assertThat(apart.get()).isEqualTo(Duration.ofMillis(100));
            for (int i = 1; i < 30; i++) {
                slots.add("m" + i, List.of());
            }
            assertThat(apart.get()).isEqualTo(Duration.ofMillis(300));
            slots.decided(decision("m3", new ControlAction.Pause()), false);
            slots.decided(decision("m4", new ControlAction.Delete()), false);
            assertThat(apart.get()).isEqualTo(Duration.ofMillis(290));
        }
    }

    private static ControlRecord decision(String model, ControlAction action) {
        return new ControlRecord(model, action, 0, "", "");
    }

    @LongProof("two trainers, one of which has to time out")
    @Test
    void ofTwoTrainersOfOneModelOneLearnsAndTheOtherTakesOver() throws Exception {
        TrainerConfig other = log.config("--state-dir", directory.resolve("other").toString());
        try (TrainerApp one = TrainerApp.start(log.config()); TrainerApp two = TrainerApp.start(other)) {
            await().atMost(PATIENCE).untilAsserted(
                    () -> assertThat(List.of(state(one), state(two))).containsExactlyInAnyOrder("running", "standby"));
            assertThat(json(get(one, "/health").body()).path("status").asText()).isEqualTo("UP");
            assertThat(json(get(two, "/health").body()).path("status").asText()).isEqualTo("UP");
            boolean first = state(one).equals("running");
            learn(first ? one : two, 1, 0, 100, 100);
            (first ? one : two).close();
            log.send(100, 200);
            // Its session ends before anybody else gets the task.
            TrainerApp left = first ? two : one;
            assertThat(stateHash(awaitSettled(left, 1, 200))).isEqualTo(log.fold().stateHash());
            assertThat(state(left)).isEqualTo("running");
        }
    }

    private String state(TrainerApp trainer) {
        return health(trainer, log.model()).path("state").asText();
    }

    /// A trainer that hears nothing of a rollback, here since it is stopped by a signal, may go on with the old epoch
    /// when it wakes up: that changes nothing of the new one.
    @LongProof("a trainer that has to time out")
    @Test
    void aTrainerThatSleepsThroughARollbackChangesNothingOfTheNewEpoch() throws Exception {
        LongPredicate learned = offset -> offset < 100 || offset >= 200;
        try (TrainerProcess sleeper = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER, ALL_SNAPSHOTS)) {
            sleeper.await("READY");
            log.send(0, 100);
            awaitPublished(1, 100);
            log.send(100, 200);
            awaitPublished(1, 200);
            signal("STOP", sleeper.pid());
            rollback(100, at(new LogPosition.End()));
            TrainerConfig second = log.config("--state-dir", directory.resolve("second").toString());
            try (TrainerApp trainer = TrainerApp.start(second)) {
                log.send(200, 300);
                awaitSettled(trainer, 2, 300);
                signal("CONT", sleeper.pid());
                log.send(300, 400);
                // Either of the two learns it.
                awaitPublished(2, 400);
                sleeper.kill();
                log.send(400, 410);
                CommittedState state = awaitSettled(trainer, 2, 410);
                assertThat(stateHash(state)).isEqualTo(log.fold(learned).stateHash());
            }
        }
        assertThat(verify().difference()).isNull();
        assertThat(verify().epoch()).isEqualTo(2);
    }

    private void awaitPublished(int epoch, long nextOffset) {
        await().atMost(PATIENCE)
                .until(() -> manifests(epoch).stream().anyMatch(each -> each.nextOffset() == nextOffset));
    }

    private static void signal(String name, long pid) throws Exception {
        assertThat(new ProcessBuilder("kill", "-" + name, "" + pid).start().waitFor()).isZero();
    }

    @Test
    void whatCannotBeGoneBackToIsRefusedBeforeAnythingIsDecided() {
        try (TrainerApp trainer = TrainerApp.start(log.config(ALL_SNAPSHOTS))) {
            learn(trainer, 1, 0, 200, 100);
        }
        String learned = log.fold().stateHash();
        int decided = view().records().size();
        TestLog.refused(() -> rollback(150, at(new LogPosition.End())), ExitCode.CONFIGURATION,
                "expected version 150 among the published ones", "1.100", "1.200");
        TestLog.refused(() -> rollback(200, at(new LogPosition.Offset(150))), ExitCode.CONFIGURATION,
                "expected an offset from 200 on", "found 150", "learned twice");
        TestLog.refused(() -> decisions().rollback("nobody",
                new Decisions.Back(OptionalInt.empty(), 1, at(new LogPosition.End())), (epoch, base) -> {
                }, this::requireReachable), ExitCode.CONFIGURATION, "model nobody: expected a registered model",
                "only " + log.model());
        TestLog.await(log.admin.deleteRecords(Map.of(log.partition(), RecordsToDelete.beforeOffset(50))).all());
        TestLog.refused(() -> rollback(100, at(new LogPosition.End())), ExitCode.STATE_VIOLATION, "from offset 0 on",
                "retention has deleted events");
        assertThat(view().records()).hasSize(decided);
        // The state of offset 200 is stored, and is not what had been learned at a time of which no record is left.
        log.send(200, 210);
        TestLog.await(log.admin.deleteRecords(Map.of(log.partition(), RecordsToDelete.beforeOffset(200))).all());
        TestLog.refused(() -> past(new LogPosition.Time(Instant.EPOCH)), ExitCode.CONFIGURATION,
                "expected a time after its first record, at offset 200", "what was learned by then is not known");
        assertThat(past(200).model().stateHash()).isEqualTo(learned);
    }

    /// And a trainer that does not compare, from the same records, is reported.
    @ProvesOracle(Breaker.TAKES_ANY_BASE)
    @Test
    void aVersionThatTheLogDoesNotGiveIsNotGoneBackTo() {
        try (TrainerApp trainer = TrainerApp.start(log.config(ALL_SNAPSHOTS))) {
            learn(trainer, 1, 0, 200, 100);
        }
        ControlLog control = new ControlLog(kafka(), log.topics());
        ModelRecord known = registered(log.model());
        ControlRecord forged = new ControlRecord(log.model(),
                new ControlAction.Rollback(2, new ControlAction.Base(1, 100, "ab".repeat(32), 100), 200), 0, "", "");
        ControlState state = view().state(log.model()).after(forged);
        control.write(view -> new ControlLog.Decision(forged, ModelRecord.newBuilder(known).setEpoch(2)
                .setRollbacks(ModelCatalog.origins(state.lineage(2))).build()));
        try (TrainerApp trainer = TrainerApp.start(log.config(ALL_SNAPSHOTS))) {
            StopException why = trainer.ended().orTimeout(60, TimeUnit.SECONDS).join();
            assertThat(why.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION);
            assertThat(why.getMessage()).contains("expected version 100 with weights-hash abab",
                    "not what the log gives");
        }
        assertThat(manifests(2)).isEmpty();
        assertThat(epochsOfOtherWeights()).isEmpty();
        try (TrainerApp trainer = TrainerApp.start(log.config(ALL_SNAPSHOTS),
                new BreakableParts(Breaker.TAKES_ANY_BASE), Kernels.active())) {
            awaitSettled(trainer, 2, 200);
        }
        assertThat(epochsOfOtherWeights()).hasSize(1);
    }

    /// Invariant I12 of an epoch that a rollback began, the oracle: its first snapshot has the weights that were
    /// decided, which scorers serve already.
    private List<String> epochsOfOtherWeights() {
        List<String> others = new ArrayList<>();
        for (ControlAction.Rollback rollback : ModelCatalog.rollbacks(registered(log.model()))) {
            List<SnapshotManifest> published = manifests(rollback.epoch());
            if (!published.isEmpty() && !published.getFirst().weightsHash().equals(rollback.base().weightsHash())) {
                others.add(rollback + " began with " + published.getFirst().weightsHash());
            }
        }
        return others;
    }

    @LongProof("many clients at once")
    @Test
    void decisionsOfManyAtOnceComeInOneOrderAndTheCatalogIsWhatTheyAddUpTo() throws Exception {
        decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
        List<Callable<Boolean>> tries = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            boolean pause = i % 2 == 0;
            tries.add(() -> {
                try {
                    if (pause) {
                        decisions().pause(log.model());
                    } else {
                        decisions().resume(log.model());
                    }
                    return true;
                } catch (ControlException wrongMoment) {
                    assertThat(wrongMoment.reason()).isEqualTo(ControlException.Reason.CONFIGURATION);
                    return false;
                }
            });
        }
        int decided = 0;
        try (var threads = Executors.newFixedThreadPool(4)) {
            for (Future<Boolean> done : threads.invokeAll(tries)) {
                decided += done.get() ? 1 : 0;
            }
        }
        List<ControlRecord> records = view().records();
        assertThat(records).hasSize(1 + decided);
        ControlState state = ControlState.initial(log.model());
        for (ControlRecord record : records) {
            if (record.action() instanceof ControlAction.Pause) {
                assertThat(state.paused()).isFalse();
            } else if (record.action() instanceof ControlAction.Resume) {
                assertThat(state.paused()).isTrue();
            }
            state = state.after(record);
        }
        assertThat(registered(log.model()).getStage() == Stage.PAUSED).isEqualTo(state.paused());
    }

    @Test
    void theCatalogIsReadByManyThreadsAtOnce() throws Exception {
        decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
        ModelRecord known = registered(log.model());
        ControlLog control = new ControlLog(kafka(), log.topics());
        Set<String> names = new TreeSet<>(Set.of(log.model()));
        List<ModelRecord> more = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            ModelRecord other = ModelRecord.newBuilder(known).setModel(log.model() + i).build();
            names.add(other.getModel());
            more.add(other);
        }
        control.write(view -> new ControlLog.Decision(List.of(), more, null));
        Callable<Set<String>> reading = () -> {
            Set<String> read = new TreeSet<>();
            for (int i = 0; i < 5; i++) {
                read.addAll(control.read().models().keySet());
            }
            return read;
        };
        try (var threads = Executors.newFixedThreadPool(4)) {
            for (Future<Set<String>> read : threads.invokeAll(Collections.nCopies(4, reading))) {
                assertThat(read.get()).isEqualTo(names);
            }
        }
    }

    /// A version that has learned nothing, as a trainer would.
    private void publish(ModelSpec spec) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        PublishedSnapshot snapshot = PublishedSnapshot.of(model, model.weightsHash(), 1, 0, 0, true);
        String topic = log.topics().snapshots(spec.model());
        KafkaTopics.get(log.admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all());
        try (KafkaProducer<byte[], byte[]> producer = log.producer(Map.of())) {
            snapshot.records()
                    .forEach(record -> producer.send(new ProducerRecord<>(topic, record.key(), record.value())));
        }
    }

    @Test
    void aNameIsAnsweredByThePromotedModelAndByItsOwnAgain() {
        try (TestLog other = new TestLog(directory, 1).created()) {
            decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
            decisions().create(other.spec(), new LogPosition.Begin(), (given, view) -> given);
            TestLog.refused(() -> decisions().promote(log.model(), other.model()), ExitCode.CONFIGURATION,
                    "model " + other.model() + ": expected a version of epoch 1 on topic ",
                    "found none, so that nothing could answer for " + log.model(),
                    "tidegrad snapshots list --model " + other.model());
            assertThat(view().state(log.model()).answeredBy()).isEqualTo(log.model());
            publish(log.spec());
            publish(other.spec());
            decisions().promote(log.model(), other.model());
            assertThat(view().state(log.model()).answeredBy()).isEqualTo(other.model());
            assertThat(registered(log.model()).getStage()).isEqualTo(Stage.RETIRED);
            assertThat(registered(other.model()).getStage()).isEqualTo(Stage.LIVE);
            TestLog.refused(() -> decisions().delete(other.model()), ExitCode.CONFIGURATION,
                    "answers for " + log.model());
            decisions().promote(log.model(), log.model());
            assertThat(view().state(log.model()).answeredBy()).isEqualTo(log.model());
            assertThat(registered(log.model()).getStage()).isEqualTo(Stage.LIVE);
            assertThat(registered(log.model()).getAnsweredBy()).isNull();
            assertThat(registered(other.model()).getStage()).isEqualTo(Stage.RETIRED);
        }
    }

    @Test
    void aModelIsTriedUnderAnotherOnesNameUntilItIsWithdrawnOrPromoted() {
        try (TestLog other = new TestLog(directory, 1).created(); TestLog third = new TestLog(directory, 1).created()) {
            decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
            decisions().create(other.spec(), new LogPosition.Begin(), (given, view) -> given);
            decisions().create(third.spec(), new LogPosition.Begin(), (given, view) -> given);
            publish(third.spec());
            decisions().shadow(log.model(), other.model());
            decisions().challenge(log.model(), third.model(), 9_000);
            assertThat(view().state(log.model()).candidates()).extracting(Candidate::model)
                    .containsExactly(other.model(), third.model());
            TestLog.refused(() -> decisions().challenge(log.model(), other.model(), 1_001), ExitCode.CONFIGURATION,
                    "share: expected at most 10 %, which other challengers of " + log.model()
                            + " leave, found 10.01 %");
            decisions().challenge(log.model(), other.model(), 1_000);
            decisions().challenge(log.model(), third.model(), 8_000);
            TestLog.refused(() -> decisions().shadow(log.model(), log.model()), ExitCode.CONFIGURATION,
                    "found the one that does");
            TestLog.refused(() -> decisions().shadow(log.model(), "nobody"), ExitCode.CONFIGURATION,
                    "model nobody: expected a registered model");
            TestLog.refused(() -> decisions().delete(other.model()), ExitCode.CONFIGURATION,
                    "tidegrad models withdraw " + other.model() + " --for " + log.model());
            TestLog.refused(() -> decisions().delete(log.model()), ExitCode.CONFIGURATION,
                    "tidegrad models withdraw " + other.model() + " --for " + log.model());
            decisions().withdraw(log.model(), other.model());
            TestLog.refused(() -> decisions().withdraw(log.model(), other.model()), ExitCode.CONFIGURATION,
                    "expected a shadow or a challenger of " + log.model(), "found that these are: " + third.model());
            decisions().promote(log.model(), third.model());
            assertThat(view().state(log.model()).candidates()).isEmpty();
            decisions().delete(other.model());
        }
    }
}
