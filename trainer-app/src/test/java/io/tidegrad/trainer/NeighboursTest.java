package io.tidegrad.trainer;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.SpecFile;
import io.tidegrad.control.ModelCatalog;
import io.tidegrad.control.ModelOverview;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.snapshot.TrainerStatus;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.process.TopicWatch;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.SwitchableRegistry.Fault;
import io.tidegrad.trainer.store.CommitGuard;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.ModelStore;
import io.tidegrad.trainer.store.StoreParts;
import io.tidegrad.trainer.store.StoreSettings;
import io.tidegrad.trainer.store.TrainerClock;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

/// Several models of one trainer, of which one can't go on: what becomes of it, and that the others learn as if it were
/// not there.
@Execution(ExecutionMode.CONCURRENT)
class NeighboursTest extends TrainerFixture {
    private static final String ADAM = "adam: { rate: 0.01 }";

    /// More than any weight can bear.
    private static final String DIVERGES = "sgd: { rate: 1000 }";

    NeighboursTest() {
        super(1);
    }

    // ---- several models ----

    /// The log's spec under another name, which follows the log's own in the alphabet.
    private ModelSpec named(String suffix, String optimizer) {
        return ModelSpec.parse(log.spec().yaml().replace("model: " + log.model(), "model: " + log.model() + suffix)
                .replace(ADAM, optimizer), "test spec");
    }

    private ModelSpec named(String suffix) {
        return named(suffix, ADAM);
    }

    private TrainerConfig config(List<ModelSpec> specs, String... more) {
        return TrainerConfig.parse(arguments(specs, more), Map.of());
    }

    private List<String> arguments(List<ModelSpec> specs, String... more) {
        List<String> files = new ArrayList<>();
        for (ModelSpec spec : specs) {
            files.add(log.write(spec.model() + ".yaml", spec.yaml()).toString());
        }
        List<String> all = new ArrayList<>(List.of(more));
        all.addAll(List.of("--spec", String.join(",", files)));
        return log.arguments(all.toArray(String[]::new));
    }

    private static @Nullable ModelTrainer find(TrainerApp trainer, ModelSpec spec) {
        return trainer.models().stream().filter(model -> model.lineage().model().equals(spec.model())).findFirst()
                .orElse(null);
    }

    private static CommittedState awaitSettled(TrainerApp trainer, ModelSpec spec, long offset) {
        await().atMost(PATIENCE).until(() -> find(trainer, spec) != null);
        return awaitSettled(trainer, Objects.requireNonNull(find(trainer, spec)), offset);
    }

    private void assertLearned(TrainerApp trainer, ModelSpec spec, long offset) {
        assertThat(Objects.requireNonNull(awaitSettled(trainer, spec, offset).report()).stateHash())
                .isEqualTo(log.fold(spec).stateHash());
    }

    // ---- what it says of them ----

    private static void awaitState(TrainerApp trainer, ModelSpec spec, String state) {
        await().atMost(PATIENCE)
                .untilAsserted(() -> assertThat(health(trainer, spec.model()).path("state").asText()).isEqualTo(state));
    }

    private static void awaitHealth(TrainerApp trainer, int status, String word) {
        await().atMost(PATIENCE).untilAsserted(() -> {
            HttpResponse<String> health = get(trainer, "/health");
            assertThat(json(health.body()).path("status").asText()).as(health.body()).isEqualTo(word);
            assertThat(health.statusCode()).isEqualTo(status);
        });
    }

    private static void assertFailed(TrainerApp trainer, ModelSpec spec, ExitCode code, String... said) {
        awaitState(trainer, spec, "failed");
        JsonNode health = health(trainer, spec.model());
        assertThat(health.path("exit_code").asInt()).isEqualTo(code.status());
        assertThat(health.path("reasons").get(0).path("reason").asText()).isEqualTo("failed");
        assertThat(health.path("reasons").get(0).path("message").asText()).contains(said);
        assertThat(get(trainer, "/metrics").body()).contains(
                "tidegrad_exit_code{model=\"%s\"} %d.0".formatted(spec.model(), code.status()),
                "tidegrad_degraded{model=\"%s\",reason=\"failed\"} 1.0".formatted(spec.model()),
                "tidegrad_up{model=\"%s\"} 0.0".formatted(spec.model()));
        assertThat(trainer.ended()).isNotDone();
    }

    // ---- tests ----

    /// The recipe's hidden layers are so wide that their steps are shared at mini-batch size 1.
    @LongProof("three trainers in turn")
    @Test
    void modelsOfTwoWorkersLearnTheBitsOfOneAndLeaveNoThreadBehind() {
        List<ModelSpec> specs = List.of(wideRecipe("a", ""), wideRecipe("b", "learn: { workers: 2 }\n"));
        log.send(0, 300);
        try (TrainerApp trainer = TrainerApp.start(config(specs, "--workers", "2"))) {
            specs.forEach(spec -> assertLearned(trainer, spec, 300));
            assertThat(TestLog.workers()).isEqualTo(specs.size());
        }
        await().atMost(PATIENCE).until(() -> TestLog.workers() == 0);
        log.send(300, 400);
        try (TrainerApp trainer = TrainerApp.start(config(specs))) {
            specs.forEach(spec -> assertLearned(trainer, spec, 400));
            assertThat(TestLog.workers()).as("as the specs say").isEqualTo(1);
        }
        await().atMost(PATIENCE).until(() -> TestLog.workers() == 0);
        log.send(400, 500);
        try (TrainerApp trainer = TrainerApp.start(config(specs, "--workers", "1"))) {
            specs.forEach(spec -> assertLearned(trainer, spec, 500));
            assertThat(TestLog.workers()).as("the process decides").isZero();
        }
    }

    private ModelSpec wideRecipe(String suffix, String more) {
        return ModelSpec.parse(
                named(suffix).yaml().replaceAll("(network|optimizer): .*\n", "") + "recipe: { hidden: 512 }\n" + more,
                "test spec");
    }

    @LongProof("three starts")
    @Test
    void aModelThatDivergesStopsAloneNowAndAtEveryStartUntilItIsMadeAnew() {
        ModelSpec first = log.spec();
        ModelSpec diverges = named("b", DIVERGES);
        ModelSpec last = named("c");
        List<ModelSpec> specs = List.of(first, diverges, last);
        log.send(0, 100);
        try (TrainerApp trainer = TrainerApp.start(config(specs))) {
            assertLearned(trainer, first, 100);
            assertLearned(trainer, last, 100);
            assertFailed(trainer, diverges, ExitCode.MODEL_DIVERGED, diverges.model(), "update");
            awaitHealth(trainer, 200, "DEGRADED");
            await().atMost(PATIENCE).until(() -> find(trainer, diverges) == null);
            log.send(100, 200);
            assertLearned(trainer, first, 200);
            assertLearned(trainer, last, 200);
        }
        log.send(200, 300);
        try (TrainerApp trainer = TrainerApp.start(config(specs))) {
            assertLearned(trainer, first, 300);
            assertLearned(trainer, last, 300);
            assertFailed(trainer, diverges, ExitCode.MODEL_DIVERGED, diverges.model(), "update");

            // What is decided about it counts at once; of what is not about learning it makes
            // nothing.
            decisions().shadow(first.model(), diverges.model());
            decisions().withdraw(first.model(), diverges.model());
            decisions().delete(diverges.model());
            awaitHealth(trainer, 200, "UP");
            ModelSpec mended = named("b");
            decisions().create(mended, new LogPosition.Begin(), (given, view) -> given);
            assertLearned(trainer, mended, 300);
            awaitHealth(trainer, 200, "UP");
            log.send(300, 310);
            for (ModelSpec spec : List.of(first, mended, last)) {
                assertLearned(trainer, spec, 310);
            }
        }
    }

    @LongProof("as for the last model")
    @Test
    void theFirstModelThatCannotGoOnEndsTheProcessIfThatIsAskedFor() {
        log.send(0, 100);
        TrainerConfig config = TrainerConfig.parse(arguments(List.of(log.spec(), named("b", DIVERGES))),
                Map.of("TIDEGRAD_FAIL_FAST", "true"));
        try (TrainerApp trainer = TrainerApp.start(config)) {
            StopException why = trainer.ended().orTimeout(60, TimeUnit.SECONDS).join();
            assertThat(why.exitCode()).isEqualTo(ExitCode.MODEL_DIVERGED);
            assertThat(why.getMessage()).contains(log.model() + "b");
        }
    }

    @Test
    void theProcessEndsWithTheFirstReasonWhenTheLastModelCannotGoOn() {
        try (TestLog other = new TestLog(directory, 1).created()) {
            ModelSpec first = named("a", DIVERGES);
            ModelSpec second = ModelSpec.parse(other.spec().yaml().replace(ADAM, DIVERGES), "test spec");
            log.send(0, 100);
            try (TrainerApp trainer = TrainerApp.start(config(List.of(first, second)))) {
                assertFailed(trainer, first, ExitCode.MODEL_DIVERGED, first.model());
                other.send(0, 100);
                StopException why = trainer.ended().orTimeout(60, TimeUnit.SECONDS).join();
                assertThat(why.exitCode()).isEqualTo(ExitCode.MODEL_DIVERGED);
                assertThat(why.getMessage()).startsWith("model " + first.model())
                        .contains("No other model of this trainer can go on", second.model());
            }
        }
    }

    @Test
    @LongProof("several trainers start")
    void aStartWithoutAnyModelThatCanBeLearnedEndsWithTheReasonOfTheFirst() {
        ModelSpec nowhere =
                ModelSpec.parse(named("a").yaml().replace("topic: " + log.topic, "topic: nowhere"), "test spec");
        ModelSpec elsewhere =
                ModelSpec.parse(named("b").yaml().replace("topic: " + log.topic, "topic: elsewhere"), "test spec");
        assertThatThrownBy(() -> TrainerApp.start(config(List.of(nowhere, elsewhere))).close())
                .isInstanceOfSatisfying(StopException.class, why -> {
                    assertThat(why.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
                    assertThat(why.getMessage()).startsWith("topic nowhere: expected the topic of events")
                            .contains(elsewhere.model(), "topic elsewhere");
                });
        // One that can be is enough.
        log.send(0, 50);
        try (TrainerApp trainer = TrainerApp.start(config(List.of(nowhere, elsewhere, named("c"))))) {
            assertLearned(trainer, named("c"), 50);
            assertFailed(trainer, nowhere, ExitCode.CONFIGURATION, "topic nowhere", "create it, or");
        }
    }

    @LongProof("a trainer that waits")
    @Test
    void aModelThatHasStoppedIsTriedAgainWhenItIsResumed() {
        ModelSpec last = named("b");
        String snapshots = log.topics().snapshots(last.model());
        TestLog.await(log.admin.createTopics(List.of(new NewTopic(snapshots, 1, (short) 1)
                .configs(Map.of("cleanup.policy", "delete", "max.message.bytes", "20")))).all());
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, snapshots);
        log.send(0, 50);
        try (TrainerApp trainer = TrainerApp.start(config(List.of(log.spec(), last)))) {
            assertFailed(trainer, last, ExitCode.CONFIGURATION, snapshots, "cleanup.policy=compact");
            assertLearned(trainer, log.spec(), 50);
            await().atMost(PATIENCE).until(() -> status(log.spec()) instanceof TrainerStatus told
                    && told.state().equals(TrainerStatus.LEARNING) && told.accepted() == 50);
            assertThatThrownBy(() -> decisions().resume(log.model())).hasMessageContaining("found one that learns");
            // Until now the topic took no record of that size, and what could not be written is written again.
            set(resource, "max.message.bytes", "2000000");
            await().atMost(PATIENCE).until(
                    () -> status(last) instanceof TrainerStatus told && told.state().equals(TrainerStatus.FAILED));
            set(resource, "cleanup.policy", "compact");
            decisions().resume(last.model());
            assertLearned(trainer, last, 50);
            awaitHealth(trainer, 200, "UP");
        }
    }

    private void set(ConfigResource resource, String setting, String value) {
        TestLog.await(
                log.admin
                        .incrementalAlterConfigs(Map.of(resource,
                                List.of(new AlterConfigOp(new ConfigEntry(setting, value), AlterConfigOp.OpType.SET))))
                        .all());
        await("the broker knows what the controller did").atMost(PATIENCE)
                .until(() -> Objects
                        .requireNonNull(TestLog.await(log.admin.describeConfigs(List.of(resource)).all()).get(resource))
                        .get(setting).value().equals(value));
    }

    // ---- a slot by itself ----

    /// Blocks the slot's thread, or throws there, when a trainer begins.
    private record Beginning(Runnable action) implements ModelSlot.Listener {
        @Override
        public void appears(ModelSlot slot) {}

        @Override
        public void begins(ModelTrainer trainer) {
            action.run();
        }

        @Override
        public void ends(ModelTrainer trainer) {}
    }

    private ModelSlot slot(TopicWatch watch, StoreParts storeParts, Runnable beginning, ModelSlot.Failures failures) {
        ModelTrainer.Surroundings surroundings = new ModelTrainer.Surroundings(log.config(), "here", log.admin, watch,
                log.registry, Kernels.active(), new WarmUps(Kernels.active()), () -> 1, storeParts);
        KafkaSettings kafka = kafka();
        decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
        ModelSlot slot =
                new ModelSlot(log.model(), null, new ControlLog(kafka, log.topics()).read().records(), surroundings,
                        new ModelCatalog(log.topics().models(), kafka), List.of(new Beginning(beginning)), failures);
        slot.start();
        return slot;
    }

    private TopicWatch watch() {
        return new TopicWatch(new KafkaTopics(log.admin, (short) -1), () -> {
        });
    }

    private void resume(ModelSlot slot) {
        slot.decide(new ControlRecord(log.model(), new ControlAction.Resume(), 0, "", ""));
    }

    private static StopException failure(ExitCode code) {
        return new StopException(code, "a test says so");
    }

    private static void awaitLearning(ModelSlot slot) {
        await().atMost(PATIENCE).until(() -> slot.doing() == ModelSlot.Doing.LEARNING && slot.learns());
    }

    @LongProof("three starts of a model")
    @Test
    void whatIsDecidedWhileAnAttemptFailsIsTried() {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch decided = new CountDownLatch(1);
        AtomicInteger beginnings = new AtomicInteger();
        Runnable secondFails = () -> {
            if (beginnings.incrementAndGet() == 2) {
                begun.countDown();
                try {
                    decided.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                throw failure(ExitCode.CONFIGURATION);
            }
        };
        TopicWatch watch = watch();
        try (ModelSlot slot = slot(watch, StoreParts.STANDARD, secondFails, (failed, why) -> false)) {
            awaitLearning(slot);
            slot.stop(failure(ExitCode.CONFIGURATION));
            await().atMost(PATIENCE).until(() -> slot.trainer() == null);
            resume(slot);
            await().atMost(PATIENCE).until(() -> begun.getCount() == 0);
            resume(slot);
            decided.countDown();
            awaitLearning(slot);
        }
    }

    /// A command that waits for an empty group after its pause, as `models upgrade` does, goes on before the trainer joins.
    @Test
    void aTrainerThatJoinsAfterItsModelWasPausedLearnsNothingUntilItIsResumed() {
        log.send(0, 20);
        AtomicInteger beginnings = new AtomicInteger();
        Runnable overtaken = () -> {
            if (beginnings.incrementAndGet() == 1) {
                decisions().pause(log.model());
            }
        };
        List<StopException> failures = new CopyOnWriteArrayList<>();
        try (ModelSlot slot = slot(watch(), StoreParts.STANDARD, overtaken, (failed, why) -> failures.add(why))) {
            await().atMost(PATIENCE).until(() -> beginnings.get() == 1 && slot.trainer() == null);
            slot.decide(new ControlRecord(log.model(), new ControlAction.Pause(), 0, "", ""));
            await().atMost(PATIENCE).until(() -> slot.doing() == ModelSlot.Doing.PAUSED);
            assertThat(slot.trainer()).isNull();
            assertThat(log.visible(Topics.changelog(log.topics().applicationId(log.model(), 1)))).isEmpty();
            decisions().resume(log.model());
            resume(slot);
            await().atMost(PATIENCE).until(() -> slot.trainer() instanceof ModelTrainer trainer
                    && trainer.committed() instanceof CommittedState state && state.nextOffset() == 20);
            assertThat(failures).isEmpty();
        }
    }

    @LongProof("two lives of a trainer")
    @Test
    void aTrainerThatJoinsAfterItsEpochWasOverLearnsTheOneThatWasDecided() {
        log.send(0, 20);
        AtomicInteger beginnings = new AtomicInteger();
        Runnable overtaken = () -> {
            if (beginnings.incrementAndGet() == 1) {
                decisions().delete(log.model());
                decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
            }
        };
        List<StopException> failures = new CopyOnWriteArrayList<>();
        try (ModelSlot slot = slot(watch(), StoreParts.STANDARD, overtaken, (failed, why) -> failures.add(why))) {
            await().atMost(PATIENCE)
                    .until(() -> slot.trainer() instanceof ModelTrainer trainer && trainer.lineage().epoch() == 2
                            && trainer.committed() instanceof CommittedState state && state.nextOffset() == 20);
            assertThat(log.visible(Topics.changelog(log.topics().applicationId(log.model(), 1)))).isEmpty();
            assertThat(failures).isEmpty();
        }
    }

    @Test
    void whatIsDecidedWhileAModelStopsIsNotUndoneByItsStopping() {
        AtomicBoolean stopsOnce = new AtomicBoolean();
        ModelSlot.Failures decides = (slot, why) -> {
            if (stopsOnce.compareAndSet(false, true)) {
                resume(slot);
            }
            return false;
        };
        AtomicInteger beginnings = new AtomicInteger();
        TopicWatch watch = watch();
        try (ModelSlot slot = slot(watch, StoreParts.STANDARD, beginnings::incrementAndGet, decides)) {
            awaitLearning(slot);
            slot.stop(failure(ExitCode.CONFIGURATION));
            await().atMost(PATIENCE).until(() -> beginnings.get() == 2);
            log.send(0, 20);
            await().atMost(PATIENCE).until(() -> slot.trainer() instanceof ModelTrainer trainer
                    && trainer.committed() instanceof CommittedState state && state.nextOffset() == 20);
        }
    }

    /// Its thread is inside an event, for longer than it is waited for.
    @LongProof("a trainer that is fenced")
    @Test
    void aModelIsTriedAgainOnceItsTrainerOfBeforeHasEnded() {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        StoreParts slow = new StoreParts() {
            @Override
            public CommitGuard guard(TopicPartition partition) {
                return STANDARD.guard(partition);
            }

            @Override
            public ModelStore store(Lineage lineage, Kernels kernels, StoreSettings settings, BooleanSupplier stopping,
                    ReadCommitted readCommitted, CommitGuard guard, TrainerClock clock) {
                return STANDARD.store(lineage, kernels, settings, stopping, readCommitted, guard, clock);
            }

            @Override
            public ValueDecoder decoder(ValueDecoder standard) {
                return value -> {
                    inside.countDown();
                    boolean interrupted = false;
                    while (goOn.getCount() > 0) {
                        try {
                            goOn.await();
                        } catch (InterruptedException e) {
                            interrupted = true;
                        }
                    }
                    if (interrupted) {
                        Thread.currentThread().interrupt();
                    }
                    return standard.decode(value);
                };
            }
        };
        String snapshots = log.topics().snapshots(log.model());
        TopicWatch watch = watch();
        try (ModelSlot slot = slot(watch, slow, () -> {
        }, (failed, why) -> false)) {
            awaitLearning(slot);
            log.send(0, 20);
            await().atMost(PATIENCE).until(() -> inside.getCount() == 0);
            TestLog.await(log.admin.createPartitions(Map.of(snapshots, NewPartitions.increaseTo(2))).all());
            await().atMost(PATIENCE).until(() -> {
                watch.look();
                return slot.failure() != null && slot.trainer() == null;
            });
            TestLog.await(log.admin.deleteTopics(List.of(snapshots)).all());
            resume(slot);
            await().atMost(PATIENCE).untilAsserted(() -> assertThat(slot.failure())
                    .hasMessageContaining("expected its earlier trainer to have ended"));
            assertThat(slot.doing()).isEqualTo(ModelSlot.Doing.RETRYING);
            goOn.countDown();
            awaitLearning(slot);
        }
    }

    private @Nullable TrainerStatus status(ModelSpec spec) {
        return ModelOverview.read(kafka(), log.topics()).entries(List.of(spec.model())).getFirst().status();
    }

    /// What the message advises is what is done here.
    @LongProof("LostTopicTest deletes topics too")
    @Test
    void aModelWhoseTopicIsDeletedStopsAloneAndIsMadeAnewAsItsMessageAdvises() {
        try (TestLog other = new TestLog(directory, 1).created()) {
            ModelSpec doomed = other.spec();
            log.send(0, 50);
            other.send(0, 50);
            try (TrainerApp trainer = TrainerApp.start(config(List.of(log.spec(), doomed)))) {
                awaitSettled(trainer, log.spec(), 50);
                awaitSettled(trainer, doomed, 50);
                TestLog.await(log.admin.deleteTopics(List.of(other.topic)).all());
                assertFailed(trainer, doomed, ExitCode.STATE_VIOLATION, other.topic, "it was deleted",
                        "tidegrad models delete " + doomed.model(), "tidegrad models create --spec FILE");
                log.send(50, 100);
                assertLearned(trainer, log.spec(), 100);

                other.created();
                other.send(50, 80);
                decisions().delete(doomed.model());
                decisions().create(doomed, new LogPosition.Begin(), (given, view) -> given);
                assertThat(Objects.requireNonNull(awaitSettled(trainer, doomed, 30).report()).stateHash())
                        .isEqualTo(other.fold().stateHash());
                awaitHealth(trainer, 200, "UP");
            }
        }
    }

    @LongProof("waits for several pauses")
    @Test
    void aReasonThatPassesStopsOneModelForAWhileAndTheOthersNotAtAll() throws Exception {
        try (TestLog other = new TestLog(directory, 1).created();
                SwitchableRegistry registry = new SwitchableRegistry(log.kafka.registryUrl())) {
            log.send(0, 50);
            other.send(0, 50);
            TrainerConfig config = config(List.of(log.spec(), other.spec()), "--registry-url", registry.url(),
                    "--kafka.transaction.timeout.ms", "4000");
            try (TrainerApp trainer = TrainerApp.start(config)) {
                awaitSettled(trainer, log.spec(), 50);
                awaitSettled(trainer, other.spec(), 50);
                registry.fault(Fault.ANSWERS_500);
                byte[] unknown = other.byANewSchema();
                other.send(new ProducerRecord<>(other.topic, 0, null, unknown));
                awaitState(trainer, other.spec(), "retrying");
                assertThat(health(trainer, other.spec().model()).path("reasons").toString()).contains("retrying",
                        "nothing is lost");
                awaitHealth(trainer, 200, "DEGRADED");
                log.send(50, 100);
                assertLearned(trainer, log.spec(), 100);
                registry.fault(Fault.NONE);
                await().atMost(Duration.ofSeconds(90))
                        .until(() -> health(trainer, other.spec().model()).path("watermark").asLong() == 51);
                other.send(50, 100);
                assertThat(Objects.requireNonNull(awaitSettled(trainer, other.spec(), 101).report()).stateHash())
                        .isEqualTo(other.fold().stateHash());
                assertThat(trainer.ended()).isNotDone();
                awaitHealth(trainer, 200, "UP");
            }
        }
    }

    /// Item by item of the message: the registered spec, and the changed one.
    @LongProof("three lives of a trainer")
    @Test
    void aChangedSpecIsLearnedOnceTheModelIsMadeAnewAndTheRegisteredOneWithoutTheFile() {
        ModelSpec changed = named("", "adam: { rate: 0.02 }");
        log.send(0, 50);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            assertLearned(trainer, log.spec(), 50);
        }
        assertThatThrownBy(() -> TrainerApp.start(config(List.of(changed))).close())
                .hasMessageContaining("tidegrad models delete " + log.model())
                .hasMessageContaining("start with --model " + log.model());
        List<String> registered = new ArrayList<>(log.arguments("--model", log.model()));
        int spec = registered.indexOf("--spec");
        registered.subList(spec, spec + 2).clear();
        try (TrainerApp trainer = TrainerApp.start(TrainerConfig.parse(registered, Map.of()))) {
            assertLearned(trainer, log.spec(), 50);
        }
        decisions().delete(log.model());
        decisions().create(changed, new LogPosition.Begin(), (given, view) -> given);
        try (TrainerApp trainer = TrainerApp.start(config(List.of(changed)))) {
            assertLearned(trainer, changed, 50);
        }
    }

    /// Of few events the schema says what they are; once there are many, they would say more.
    @Test
    void featuresThatWereFoundWhenAModelWasRegisteredStay() {
        String model = log.model() + "-auto";
        TrainerConfig config = log.config("--spec", log
                .write("auto.yaml",
                        "model: " + model + "\ninput: { topic: " + log.topic
                                + " }\nlabel: { field: over, threshold: 1 }\nfeatures: auto\nrecipe: lean\n")
                .toString());
        log.send(0, 50);
        ModelSpec registered;
        try (TrainerApp trainer = TrainerApp.start(config)) {
            registered = SpecFile.registered(decisions().find(model));
            assertThat(registered.fields()).containsExactly("at", "place", "a", "b", "over");
            assertThat(registered.yaml()).contains("# by schema ", "fewer than 1000 events");
            assertLearned(trainer, registered, 50);
        }
        log.send(50, 1_000);
        try (TrainerApp trainer = TrainerApp.start(config)) {
            assertLearned(trainer, registered, 1_000);
            assertThat(Objects.requireNonNull(find(trainer, registered)).lineage().spec().features())
                    .isEqualTo(registered.features());
        }
    }

    /// No schema says whether a number is a class; what the label's few events say is registered with the reason.
    @LongProof("two starts")
    @Test
    void whatALabelMeansIsFoundInFewEventsTooAndStays() {
        String model = log.model() + "-named";
        TrainerConfig config =
                log.config(
                        "--spec", log
                                .write("named.yaml",
                                        "model: " + model + "\ninput: { topic: " + log.topic
                                                + " }\nlabel: { field: over }\nfeatures: auto\nrecipe: lean\n")
                                .toString());
        log.send(0, 50);
        ModelSpec registered;
        try (TrainerApp trainer = TrainerApp.start(config)) {
            registered = SpecFile.registered(decisions().find(model));
            assertThat(registered.loss()).isEqualTo(new BinaryCrossEntropy());
            assertThat(registered.fields()).containsExactly("at", "place", "a", "b", "over");
            assertThat(registered.yaml())
                    .containsPattern("\nloss: binary-cross-entropy # yes or no, [0-9.]+ % yes, by the newest"
                            + " 50 events of topic " + log.topic + "\nfeatures:\n  # by schema ");
            assertLearned(trainer, registered, 50);
        }
        log.send(50, 1_000);
        try (TrainerApp trainer = TrainerApp.start(config)) {
            assertLearned(trainer, registered, 1_000);
        }
    }

    @Test
    void aTrainerWhoseEveryEventIsRefusedIsDegradedUntilGoodOnesCome() {
        for (int i = 0; i < 20; i++) {
            log.send(log.event(new byte[]{1, 2, 3}));
        }
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitHealth(trainer, 200, "DEGRADED");
            JsonNode reason = health(trainer, log.spec().model()).path("reasons").get(0);
            assertThat(reason.path("reason").asText()).isEqualTo("dead-letters");
            assertThat(reason.path("message").asText()).startsWith("100 % of the events");
            assertThat(get(trainer, "/metrics").body()).contains(
                    "tidegrad_degraded{model=\"%s\",reason=\"dead-letters\"} 1.0".formatted(log.model()),
                    "tidegrad_up{model=\"%s\"} 1.0".formatted(log.model()));
            log.send(0, 100);
            awaitHealth(trainer, 200, "UP");
        }
    }
}
