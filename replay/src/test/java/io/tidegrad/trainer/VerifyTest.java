package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.LogPosition;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.replay.Checkpoint;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayOptions;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.replay.TensorDifference;
import io.tidegrad.replay.Verify;
import io.tidegrad.replay.VerifyOptions;
import io.tidegrad.replay.VerifyResult;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.SnapshotLookup;
import io.tidegrad.trainer.relearn.ReplayProgress;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.BreakableParts;
import io.tidegrad.trainer.store.StoreOracle;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// A published version that the log does not give, found, and found where.
@Execution(ExecutionMode.CONCURRENT)
class VerifyTest extends TrainerFixture {

    VerifyTest() {
        super(1);
    }

    /// Published weights as a scorer finds them.
    static Verify.Weights scorer(TestLog log, String model) {
        ScorerOptions options = ScorerOptions.of(model, Map.of("bootstrap.servers", log.kafka.bootstrapServers()))
                .withPrefix(log.prefix);
        return version -> SnapshotLookup.find(options, OptionalInt.empty(), OptionalLong.of(version));
    }

    private VerifyResult verify(OptionalLong version) {
        return verify(log.model(), version);
    }

    private VerifyResult verify(String as, OptionalLong version) {
        return Verify.run(
                new VerifyOptions(kafka(), registry(), log.prefix, log.model(), as, version, Kernels.active(), 2),
                scorer(log, as), ReplayProgress.Listener.NONE);
    }

    private void learn(Breaker breaker) {
        learn(breaker, () -> {
        });
    }

    /// @param beforeItStops while the trainer runs and has committed all 500
    private void learn(Breaker breaker, Runnable beforeItStops, String... more) {
        List<String> settings = new ArrayList<>(List.of("--keep-snapshots", "1000"));
        settings.addAll(List.of(more));
        TrainerConfig config = log.config(settings.toArray(String[]::new));
        try (TrainerApp trainer = TrainerApp.start(config, new BreakableParts(breaker), Kernels.active())) {
            for (int to = 100; to <= 500; to += 100) {
                log.send(to - 100, to);
                awaitSettled(trainer, to);
            }
            beforeItStops.run();
        }
    }

    @ProvesOracle(Breaker.FLIPS_A_WEIGHT_BIT)
    @Test
    void aWeightBitThatFlippedInTheTrainerIsFoundByBatchTensorAndIndex() {
        learn(Breaker.FLIPS_A_WEIGHT_BIT);
        VerifyResult result = verify(OptionalLong.empty());
        VerifyResult.Difference difference = Objects.requireNonNull(result.difference(), "nothing was found");
        Checkpoint equal = Objects.requireNonNull(difference.equal());
        assertThat(equal.version()).isLessThan(BreakableParts.FLIPPED_UPDATE);
        assertThat(difference.different().version()).isEqualTo(BreakableParts.FLIPPED_UPDATE);
        assertThat(difference.different().nextOffset()).isEqualTo(300);
        assertThat(difference.version()).isEqualTo(BreakableParts.FLIPPED_UPDATE);
        assertThat(difference.weightsHash()).isNotEqualTo(difference.different().weightsHash());
        assertThat(difference.comparedWith()).isEqualTo("snapshot 1.300");

        // The weights end with 3.weight (8, 1) and 3.bias (1, 1): the fourth from the end is row 5.
        assertThat(Plan.of(log.spec().network()).shapes()).endsWith("3.weight 8 1\n3.bias 1 1\n");
        TensorDifference tensor = Objects.requireNonNull(difference.tensor());
        assertThat(tensor.tensor()).isEqualTo("3.weight");
        assertThat(tensor.row()).isEqualTo(5);
        assertThat(tensor.column()).isZero();
        assertThat(tensor.differing()).isEqualTo(1);
        assertThat(tensor.tensors()).isEqualTo(1);
        assertThat(Float.floatToRawIntBits((float) tensor.found()))
                .isEqualTo(Float.floatToRawIntBits((float) tensor.expected()) ^ 1);

        // What was published before it is as the log says, what came after is not.
        assertThat(verify(OptionalLong.of(200)).difference()).isNull();
        VerifyResult later = verify(OptionalLong.of(400));
        assertThat(Objects.requireNonNull(later.difference()).different().version())
                .isEqualTo(BreakableParts.FLIPPED_UPDATE);
    }

    @Test
    void aSoundTrainersVersionsAreEqual() {
        learn(Breaker.NONE);
        VerifyResult result = verify(OptionalLong.empty());
        assertThat(result.difference()).isNull();
        assertThat(result.events()).isEqualTo(500);
        assertThat(result.weightsHash()).isEqualTo(log.fold().weightsHash());
    }

    /// Its hashes are others, for they cover the spec's fingerprint and with it the name.
    @LongProof("two models and a comparison")
    @Test
    void aRenamedCopyIsComparedWithWhatTheFirstModelsLogGives() {
        learn(Breaker.NONE);
        String copy = log.model() + "-copy";
        ModelSpec renamed = ModelSpec.parse(log.spec().yaml().replace("model: " + log.model(), "model: " + copy), copy);
        Path spec = log.write("copy.yaml", renamed.yaml());
        try (TrainerApp trainer = TrainerApp.start(log.config("--spec", spec.toString(), "--keep-snapshots", "1000"))) {
            await().atMost(PATIENCE).until(() -> trainer.models().stream().map(ModelTrainer::committed)
                    .allMatch(state -> state != null && state.settled() && state.nextOffset() == 500));
        }
        VerifyResult result = verify(copy, OptionalLong.empty());
        assertThat(result.difference()).isNull();
        assertThat(result.model()).isEqualTo(copy);
        assertThat(result.learnedBy()).isEqualTo(log.model());
        assertThat(result.compared()).isPositive();
        assertThat(result.weightsHash()).isEqualTo(result.target().weightsHash())
                .isNotEqualTo(log.fold().weightsHash());
        ModelSpec other =
                ModelSpec.parse(renamed.yaml().replace("mini-batch: { size: ", "mini-batch: { size: 1"), "other");
        assertThat(renamed.isRenamed(log.spec())).isTrue();
        assertThat(other.isRenamed(log.spec())).isFalse();
    }

    /// One image comes at the beginning, the next one when the trainer stops: in between the changelog's newest
    /// manifest is of a later offset than its pages.
    @LongProof("several lives of a trainer")
    @Test
    void aModelKeptAsImageAndRedoIsVerifiedAndGoneOnFromItsLastWholeImage() {
        learn(Breaker.NONE, () -> {
            TimeTravel.PastModel now = past(500);
            assertThat(now.state()).isEqualTo("the last whole image");
            assertThat(now.stateOffset()).isPositive().isLessThan(500);
            assertThat(now.model().stateHash()).isEqualTo(log.fold().stateHash());
            assertThat(now.accounts().accepted()).isEqualTo(500);
            VerifyResult result = verify(OptionalLong.empty());
            assertThat(result.difference()).isNull();
            assertThat(result.weightsHash()).isEqualTo(log.fold().weightsHash());
        }, "--store", "image-and-redo", "--redo-seconds", "86400");
        TimeTravel.PastModel then = past(1);
        assertThat(then.state()).isEqualTo("its beginning");
        assertThat(then.model().stateHash()).isEqualTo(log.fold(offset -> offset < 1).stateHash());
    }

    private TimeTravel.PastModel past(long offset) {
        return TimeTravel.to(new TimeTravel.Options(kafka(), registry(), log.prefix, log.model(),
                new LogPosition.Offset(offset), Kernels.active()), ReplayProgress.Listener.NONE);
    }

    @LongProof("two models and a comparison")
    @Test
    void aVersionOfOtherNumericsNamesTheBuildThatIsNeeded() throws Exception {
        learn(Breaker.NONE);
        SnapshotManifest newest = log.manifests(log.visible(log.topics().snapshots(log.model()))).getLast();
        SnapshotManifest other = withNumerics(newest, Numerics.VERSION + 1);
        try (KafkaProducer<byte[], byte[]> producer = log.producer(Map.of())) {
            producer.send(new ProducerRecord<>(log.topics().snapshots(log.model()), 0,
                    SnapshotKey.manifest(other.epoch(), other.version()).encode(), other.encode())).get();
        }
        TestLog.refused(() -> verify(OptionalLong.empty()), ExitCode.CONFIGURATION,
                "expected numerics " + Numerics.VERSION + " of this build",
                "found a version learned with " + (Numerics.VERSION + 1), "tidegrad --version");
    }

    /// The way of a model to a build that gives other bits: its log is learned again by its spec, under a new name.
    @LongProof("a topic that is learned twice")
    @Test
    void anotherSpecIsLearnedWhateverNumericsTheRegisteredOneWasLearnedWith() throws Exception {
        learn(Breaker.NONE);
        String changelog = Topics.changelog(log.topics().applicationId(log.model(), 1));
        ConsumerRecord<byte[], byte[]> manifest =
                StoreOracle.ofNumerics(log.visible(changelog), 1, Numerics.VERSION + 1);
        log.send(new ProducerRecord<>(changelog, 0, manifest.key(), manifest.value()));
        TestLog.refused(() -> replay(null), ExitCode.CONFIGURATION,
                "expected numerics " + Numerics.VERSION + " of this build");
        ModelSpec other =
                ModelSpec.parse(log.spec().yaml().replace("model: " + log.model(), "model: another"), "another spec");
        assertThat(replay(other).stateHash()).isEqualTo(log.fold(other).stateHash());
    }

    private ReplayResult replay(@Nullable ModelSpec spec) {
        return Replay.run(
                new ReplayOptions(kafka(), registry(), log.prefix, log.model(), new LogPosition.Begin(),
                        new LogPosition.End(), spec, null, false, "", Kernels.active(), 1),
                ReplayProgress.Listener.NONE);
    }

    /// Whatever components a manifest has.
    private static SnapshotManifest withNumerics(SnapshotManifest manifest, int numerics)
            throws ReflectiveOperationException {
        RecordComponent[] components = SnapshotManifest.class.getRecordComponents();
        Class<?>[] types = new Class<?>[components.length];
        Object[] values = new Object[components.length];
        for (int i = 0; i < components.length; i++) {
            types[i] = components[i].getType();
            values[i] = components[i].getName().equals("numerics") ? numerics
                    : components[i].getAccessor().invoke(manifest);
        }
        return SnapshotManifest.class.getDeclaredConstructor(types).newInstance(values);
    }

    @LongProof("waits for retention")
    @Test
    void aRangeThatRetentionOvertookIsRefusedWithTheRemedy() {
        learn(Breaker.NONE);
        TestLog.await(log.admin.deleteRecords(Map.of(log.partition(), RecordsToDelete.beforeOffset(50))).all());
        String[] said = {"from offset 0 on", "retention has deleted events", "tidegrad export", "--from OFFSET"};
        TestLog.refused(() -> verify(OptionalLong.empty()), ExitCode.STATE_VIOLATION, said);
        TestLog.refused(() -> past(400), ExitCode.STATE_VIOLATION, said);
        // The log was created again: its offsets mean other events.
        TestLog.await(log.admin.deleteTopics(List.of(log.topic)).all());
        log.created();
        TestLog.refused(() -> verify(OptionalLong.empty()), ExitCode.STATE_VIOLATION, log.topic,
                "deleted and created again");
    }
}
