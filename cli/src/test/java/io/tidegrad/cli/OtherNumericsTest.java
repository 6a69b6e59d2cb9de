package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.control.TrainerObserver;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Stage;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.trainer.Handover;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.StoredState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Models that a build of other numerics goes on with. The other build is this one, too: what it wrote is written again as
/// of another number. So the bits of both are the same, and a fold of the whole log tells what either has to learn. That
/// nothing is learned again is shown by taking the log away.
@LongProof("trainers of two builds, one after the other")
class OtherNumericsTest {
    private static final int LEARNED = 200;
    private static final int OLDER = Numerics.VERSION - 1;
    private static final int NEWER = Numerics.VERSION + 1;

    private final Readings readings = new Readings();
    private final Topics topics = new Topics("p" + readings.id);
    private final String model = "m-" + readings.id;
    private final KafkaSettings kafka = KafkaSettings.of(readings.bootstrap);
    private final Admin admin = Admin.create(kafka.client());

    @TempDir
    Path directory;

    @AfterEach
    void close() {
        admin.close();
        readings.close();
    }

    private int run(String... words) {
        return readings.run(topics.prefix(), List.of(words));
    }

    private void succeeds(String... words) {
        assertThat(run(words)).as(readings.out() + readings.err()).isZero();
    }

    private void refused(String why, String... words) {
        assertThat(run(words)).as(readings.out()).isEqualTo(ExitCode.CONFIGURATION.status());
        assertThat(readings.err()).contains(why);
    }

    private TrainerApp trainer() {
        return readings.trainer(directory, "--model", model);
    }

    /// Learns a log, and pauses the model.
    private OnlineModel learned() {
        Path spec = readings.spec(directory, model);
        readings.send(LEARNED);
        try (TrainerApp trainer = readings.trainer(directory, "--spec", spec.toString())) {
            Readings.awaitLearned(trainer, model, 1, readings.end());
            succeeds("models", "pause", model);
        }
        return readings.fold(spec, offset -> true);
    }

    /// Writes state and versions of an epoch again, as of other numerics.
    private void writtenBy(int numerics, int epoch) {
        new OtherNumerics(kafka.client(), topics, model).write(numerics, epoch);
    }

    private KafkaProducer<byte[], byte[]> producer(Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(kafka.client());
        settings.putAll(more);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    // ---- what is there ----

    private String changelog(int epoch) {
        return Topics.changelog(topics.applicationId(model, epoch));
    }

    private Lineage lineage() {
        return RegisteredModel.find(kafka, topics, model).lineage();
    }

    private StoredState stored(int epoch) {
        Lineage lineage = lineage();
        assertThat(lineage.epoch()).isEqualTo(epoch);
        // A commit is seen once the broker has written its markers, which may be after the command has ended.
        return Objects.requireNonNull(await().atMost(Duration.ofSeconds(60)).until(
                () -> StoredState.read(lineage, Changelog.of(kafka, topics, lineage), Kernels.active()),
                Objects::nonNull));
    }

    private static String stateHash(OnlineModel model, int numerics) {
        return model.stateHash(ModelHash.weights(model.spec().fingerprint(), numerics, model.parameters()));
    }

    private void requireTakenOver(OnlineModel left) {
        OnlineModel taken = stored(2).model();
        assertThat(stateHash(taken, OLDER)).isEqualTo(stateHash(left, OLDER));
        assertThat(taken.carry()).isEqualTo(left.carry());
        assertThat(lineage().firstOffset()).isEqualTo(LEARNED);
    }

    private Scorer scorer() {
        return Scorer.open(
                ScorerOptions.of(model, Map.of("bootstrap.servers", readings.bootstrap)).withPrefix(topics.prefix()));
    }

    private static String served(Scorer scorer) {
        ServedVersion served = scorer.current();
        return served == null ? "none" : served.epoch() + "." + served.version();
    }

    private static void awaitServed(Scorer scorer, String version) {
        await().atMost(Readings.PATIENCE).untilAsserted(() -> assertThat(served(scorer)).isEqualTo(version));
    }

    private StopException ended() {
        try (TrainerApp trainer = trainer()) {
            await().atMost(Readings.PATIENCE).until(() -> trainer.ended().isDone());
            return trainer.ended().join();
        }
    }

    // ---- decisions without the command ----

    private Decisions decisions() {
        return new Decisions(kafka, topics, admin, (short) -1, new Decisions.By("", "a test"));
    }

    private TimeTravel.PastModel last(OptionalLong nextOffset) {
        return TimeTravel.last(kafka, topics, lineage(), nextOffset, Kernels.active());
    }

    private void decide(int numerics) {
        decisions().upgrade(model, lineage().epoch(), Handover.base(last(OptionalLong.empty())), numerics, true);
    }

    private static <T> void get(KafkaFuture<T> future) {
        try {
            future.get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /// Removes the member that a trainer has left in its group, as the end of its session would. That may come first, and
    /// Kafka's client fails if there is nobody to remove.
    private void endSession(int epoch) {
        TrainerObserver trainers = new TrainerObserver(kafka, topics, admin);
        await().atMost(Readings.PATIENCE).ignoreExceptions().until(() -> {
            if (trainers.runs(model, epoch)) {
                get(admin.removeMembersFromConsumerGroup(topics.applicationId(model, epoch),
                        new RemoveMembersFromConsumerGroupOptions()).all());
            }
            return !trainers.runs(model, epoch);
        });
    }

    /// Sends more events, and requires what a trainer learns of them to be what a fold makes of the state that was left.
    private void requireGoneOn(OnlineModel left, TrainerApp trainer, int epoch) {
        long from = readings.end();
        readings.send(50);
        CommittedState on = Readings.awaitLearned(trainer, model, epoch, readings.end());
        readings.foldOn(left, readings.committed(new TopicPartition(readings.topic, 0)).stream()
                .filter(each -> each.offset() >= from).toList());
        assertThat(Objects.requireNonNull(on.report()).stateHash()).isEqualTo(left.stateHash());
    }

    @Test
    void aBuildGoesOnWithTheExactStateOfAnotherOneAndLearnsNothingAgain() {
        OnlineModel left = learned();
        writtenBy(OLDER, 1);
        get(admin.deleteRecords(Map.of(new TopicPartition(readings.topic, 0), RecordsToDelete.beforeOffset(LEARNED)))
                .all());
        try (Scorer scorer = scorer()) {
            awaitServed(scorer, "1." + LEARNED);
            succeeds("models", "upgrade", model, "--json");
            assertThat(readings.json().path("action").asText()).isEqualTo("upgrade");
            assertThat(readings.json().path("trainer").asText()).isEqualTo("paused: it learns on when it is resumed");
            assertThat(readings.json().path("base").asText()).isEqualTo("1." + LEARNED);
            assertThat(readings.json().path("next_offset").asLong()).isEqualTo(LEARNED);
            assertThat(readings.json().path("numerics").asText()).isEqualTo(OLDER + " -> " + Numerics.VERSION);
            assertThat(readings.json().path("weights_hash").asText())
                    .isEqualTo(ModelHash.weights(left.spec().fingerprint(), OLDER, left.parameters()));
            requireTakenOver(left);
            awaitServed(scorer, "2." + LEARNED);
            refused("there is nothing to take over", "models", "upgrade", model);

            succeeds("models", "resume", model, "--timeout", "0");
            try (TrainerApp trainer = trainer(); Scorer other = scorer()) {
                requireGoneOn(left, trainer, 2);
                awaitServed(scorer, "2." + (LEARNED + 50));
                awaitServed(other, "2." + (LEARNED + 50));
            }
        }
        succeeds("verify", "--model", model);
        assertThat(readings.out()).contains("was taken over by numerics " + Numerics.VERSION, "equal",
                "learned again 50 events from offset " + LEARNED + " on");
        succeeds("replay", "--model", model, "--json");
        assertThat(readings.json().path("start_offset").asLong()).isEqualTo(LEARNED);
        assertThat(readings.json().path("state_hash").asText()).isEqualTo(left.stateHash());
        succeeds("replay", "--model", model, "--from", "" + LEARNED, "--json");
        assertThat(readings.json().path("learned").asLong()).as("a fresh model").isEqualTo(50);
        succeeds("snapshots", "at", "--model", model, "--offset", "" + (LEARNED + 20), "--json");
        assertThat(readings.json().path("state_offset").asLong()).isEqualTo(LEARNED);
        refused("before which a build of other numerics learned it", "snapshots", "at", "--model", model, "--offset",
                "" + (LEARNED - 1));
        refused("found a model learned with " + OLDER, "models", "rollback", model, "--offset", "" + (LEARNED - 1),
                "--exact");
    }

    @Test
    void aTrainerTakesOverWhatACommandThatDiedAfterItsDecisionLeft() {
        OnlineModel left = learned();
        writtenBy(OLDER, 1);
        decide(Numerics.VERSION);
        // It died in its transaction, of which it had written something.
        KafkaProducer<byte[], byte[]> killed =
                producer(Map.of(ProducerConfig.TRANSACTIONAL_ID_CONFIG, topics.applicationId(model, 2) + "-replay"));
        killed.initTransactions();
        killed.beginTransaction();
        killed.send(new ProducerRecord<>(topics.snapshots(model), 0, SnapshotKey.part(2, LEARNED, 0).encode(),
                new byte[]{1}));
        killed.flush();
        refused("start a trainer of this build, which begins the epoch", "models", "upgrade", model);
        try (TrainerApp trainer = trainer()) {
            Readings.awaitLearned(trainer, model, 2, LEARNED);
            requireTakenOver(left);
            requireGoneOn(left, trainer, 2);
        } finally {
            killed.close(Duration.ZERO);
        }
        succeeds("verify", "--model", model);
    }

    @Test
    void aModelGoesThereAndBackAndACommandThatDiedBeforeItsDecisionIsGivenAgain() {
        OnlineModel left = learned(); // paused, as after the death of a command
        writtenBy(OLDER, 1);
        succeeds("models", "upgrade", model);
        requireTakenOver(left);
        writtenBy(NEWER, 2);
        succeeds("models", "resume", model, "--timeout", "0");
        StopException refusal = ended();
        assertThat(refusal.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(refusal.getMessage()).contains("expected numerics " + Numerics.VERSION + " of this build",
                "found a model learned with " + NEWER, "tidegrad models upgrade " + model);
        endSession(2);
        succeeds("models", "upgrade", model, "--json");
        assertThat(readings.json().path("numerics").asText()).isEqualTo(NEWER + " -> " + Numerics.VERSION);
        assertThat(readings.json().path("stage").asText()).isEqualTo("live");
        try (TrainerApp trainer = trainer()) {
            Readings.awaitLearned(trainer, model, 3, LEARNED);
            requireGoneOn(left, trainer, 3);
        }
        succeeds("models", "show", model);
        assertThat(readings.out()).contains("epoch 2 goes on from version 1.200", "epoch 3 goes on from version 2.200");
        succeeds("verify", "--model", model);
    }

    /// This build is the older one here.
    @Test
    void anOlderBuildLeavesTheEpochAloneAndItsScorersGoOnAnswering() {
        Path spec = readings.spec(directory, model);
        readings.send(LEARNED);
        // Pages in each commit: what is decided here is decided before a pause leaves a whole state.
        try (TrainerApp trainer = readings.trainer(directory, "--spec", spec.toString(), "--redo-seconds", "0");
                Scorer scorer = scorer()) {
            CommittedState last = Readings.awaitLearned(trainer, model, 1, LEARNED);
            awaitServed(scorer, "1." + LEARNED);
            assertThat(catchThrowable(() -> decide(NEWER))).isInstanceOf(ControlException.class)
                    .hasMessageContaining("expected that it is still paused");
            succeeds("models", "pause", model);
            decide(NEWER);
            await().atMost(Readings.PATIENCE).until(() -> trainer.ended().isDone());
            StopException refusal = trainer.ended().join();
            assertThat(refusal.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
            assertThat(refusal.getMessage()).contains("expected a build of numerics " + NEWER,
                    "which took the model over in epoch 2 at offset " + LEARNED,
                    "found this build's " + Numerics.VERSION);
            awaitServed(scorer, "2." + LEARNED);
            assertThat(scorer.weightsHash()).isEqualTo(Objects.requireNonNull(last.report()).weightsHash());
        }
        assertThat(ended().getMessage()).contains("expected a build of numerics " + NEWER);
        // The newer build has not begun: this one takes the model back from where it was.
        succeeds("models", "upgrade", model);
        try (TrainerApp trainer = trainer()) {
            requireGoneOn(readings.fold(spec, offset -> true), trainer, 3);
        }
        succeeds("verify", "--model", model);
    }

    @Test
    void aStateThatIsNotThatOfTheDecisionIsNotTakenOver() {
        learned();
        assertThat(catchThrowable(() -> last(OptionalLong.of(LEARNED - 1)))).isInstanceOf(StopException.class)
                .hasMessageContaining("expected the state of epoch 1 at offset " + (LEARNED - 1))
                .hasMessageContaining("found that at offset " + LEARNED).hasMessageContaining("restore the topic");
    }

    @Test
    void ifATrainerOfTheOlderBuildWentOnAfterTheDecisionTheModelIsTakenOverAgain() {
        OnlineModel left = learned();
        writtenBy(OLDER, 1);
        ControlAction.Base base = Handover.base(last(OptionalLong.empty()));
        decisions().upgrade(model, 1,
                new ControlAction.Base(1, base.version() - 1, base.weightsHash(), base.nextOffset() - 1),
                Numerics.VERSION, true);
        assertThat(ended().getMessage()).contains("expected the state of epoch 1 at offset " + (LEARNED - 1),
                "take the model over again (tidegrad models upgrade " + model);
        succeeds("models", "upgrade", model);
        try (TrainerApp trainer = trainer()) {
            requireGoneOn(left, trainer, 3);
        }
        succeeds("verify", "--model", model);
    }

    @Test
    void anUpgradeThatIsRefusedLeavesTheModelAsItWas() {
        learned();
        writtenBy(OLDER, 1);
        succeeds("models", "resume", model, "--timeout", "0");
        TrainerObserver trainers = new TrainerObserver(kafka, topics, admin);
        Map<String, Object> settings = new HashMap<>(kafka.client());
        settings.put(ConsumerConfig.GROUP_ID_CONFIG, topics.applicationId(model, 1));
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        try (KafkaConsumer<byte[], byte[]> member =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            member.subscribe(List.of(readings.topic));
            await().atMost(Readings.PATIENCE).until(() -> {
                member.poll(Duration.ofMillis(50));
                return trainers.runs(model, 1);
            });
            assertThat(run("models", "upgrade", model, "--timeout", "0")).isEqualTo(ExitCode.RETRYABLE.status());
            assertThat(readings.err()).contains("expected no trainer that has it").doesNotContain("may still be");
        }
        assertThat(decisions().find(model).getStage()).isEqualTo(Stage.LIVE);
        assertThat(lineage().epoch()).isEqualTo(1);
    }
}
