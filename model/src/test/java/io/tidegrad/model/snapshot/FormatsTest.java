package io.tidegrad.model.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Successor;
import io.tidegrad.model.Specs;
import io.tidegrad.model.evaluation.RecentEvaluation;
import io.tidegrad.model.evaluation.ServedLabel;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.CarryFormatException;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Served;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.GoldenFormat;
import io.tidegrad.proof.ProvesOracle;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Invariant I21 for what a snapshot topic and a carry hold. The trainer's changelog has its own (`StoreFormatsTest`).
class FormatsTest {
    /// 21 events of which 17 are learned and one mini-batch is open.
    private static final ModelSpec SPEC = ModelSpec.parse(Specs.FLIGHTS.replace("size: 1 ", "size: 17 ")
            .replace("buckets: 512", "buckets: 8").replace("buckets: 8192", "buckets: 16"), "flights.yaml");

    /// The same events, and room for a third class.
    private static final ModelSpec CLASSES = ModelSpec.parse(
            SPEC.yaml().replace("field: late", "field: late, classes: auto")
                    .replace("binary-cross-entropy", "categorical-cross-entropy").replace("dense: 1 ]", "dense: 3 ]"),
            "flights.yaml");

    /// The same events, and a label that is a number.
    private static final ModelSpec NUMBERS = ModelSpec.parse(SPEC.yaml().replace("field: late", "field: distance")
            .replace("  - number:    { field: distance, scale: standard }\n", "")
            .replace("binary-cross-entropy", "mean-squared-error"), "flights.yaml");

    /// With members that are judged in mini-batches, and the same room.
    private static final ModelSpec MEMBERS = ModelSpec.parse(CLASSES.yaml().replaceFirst("network: .*", "recipe: lean")
            .replaceFirst("optimizer: .*", "").replace("classes: auto", "classes: { auto: 3 }"), "flights.yaml");

    private static final int FORMAT_AT = 4;
    private static final int EPOCH = 3;

    /// Its place in the list.
    private static final int HEARTBEAT = 3;

    static List<GoldenFormat> formats() {
        return List.of(
                new GoldenFormat("snapshot-manifest", 3, SnapshotManifest.FORMAT, FORMAT_AT,
                        bytes -> SnapshotManifest.decode(bytes).encode(), () -> published(CLASSES).manifest().encode()),
                new GoldenFormat("snapshot-part", 2, SnapshotParts.FORMAT, FORMAT_AT, FormatsTest::rewrittenPart,
                        () -> published().records().getFirst().value()),
                new GoldenFormat("snapshot-delta-part", 2, SnapshotParts.FORMAT, FORMAT_AT, FormatsTest::rewrittenDelta,
                        () -> delta(changed()).records().getFirst().value()),
                new GoldenFormat("heartbeat", 1, FORMAT_AT, bytes -> Heartbeat.decode(bytes).encode(),
                        () -> new Heartbeat(EPOCH, 50, 1_000, true, 77).encode()),
                new GoldenFormat("trainer-status", 2, FORMAT_AT, bytes -> TrainerStatus.decode(bytes).encode(),
                        () -> status().encode()),
                new GoldenFormat("snapshot-file", SnapshotFile.FORMAT, FORMAT_AT, FormatsTest::rewrittenFile,
                        () -> file(head(), learned().parameters())),
                new GoldenFormat("carry", 10, FORMAT_AT, FormatsTest::rewrittenCarry, () -> members().carry()),
                new GoldenFormat("carry-of-numbers", 7, 7, FORMAT_AT, bytes -> rewrittenCarry(NUMBERS, bytes),
                        () -> learned(NUMBERS, 21).carry()));
    }

    private static byte[] rewrittenCarry(byte[] bytes) {
        return rewrittenCarry(switch (bytes[FORMAT_AT]) {
            case 10 -> MEMBERS;
            case 8 -> CLASSES;
            default -> SPEC;
        }, bytes);
    }

    private static byte[] rewrittenCarry(ModelSpec spec, byte[] bytes) {
        OnlineModel model = OnlineModel.blank(spec, new ScalarKernels());
        model.restoreCarry(bytes);
        return model.carry();
    }

    /// Two pending rows, of which the second comes with what its members gave it.
    private static OnlineModel members() {
        OnlineModel model = learned(MEMBERS, 18);
        Row row = Specs.row(new Featurizer(MEMBERS), Specs.flight(18));
        row.memberOutputs = new float[]{1, 2, 3, -1, -2, -3};
        model.accept(row);
        return model;
    }

    /// Earlier builds read the others.
    @Test
    void onlyModelsThatNeedTheNewestFormatsWriteThem() throws IOException {
        assertThat(members().carry()[FORMAT_AT]).isEqualTo((byte) 10);
        assertThat(served().carry()[FORMAT_AT]).isEqualTo((byte) 9);
        assertThat(learned(CLASSES, 21).carry()[FORMAT_AT]).isEqualTo((byte) 8);
        assertThat(learned(NUMBERS, 21).carry()[FORMAT_AT]).isEqualTo((byte) 7);
        assertThat(published().manifest().encode()[FORMAT_AT]).isEqualTo((byte) 3);
        byte[] carry = Files.readAllBytes(Path.of("src/test/resources/formats/carry-8.bin"));
        assertThat(rewrittenCarry(carry.clone())).isEqualTo(carry);
        OnlineModel model = OnlineModel.blank(SPEC, new ScalarKernels());
        assertThatThrownBy(() -> model.restoreCarry(carry)).isInstanceOf(CarryFormatException.class)
                .hasMessage("carry of model 'flight-delay': expected format 1 to 7, or 9, found 8, which is of a model"
                        + " that learns what its classes are");
        byte[] manifest = Files.readAllBytes(Path.of("src/test/resources/formats/snapshot-manifest-3.bin"));
        assertThat(SnapshotManifest.decode(manifest).encode()).isEqualTo(manifest);
    }

    /// A model learned before it was known what its linear baseline scored goes on, and says nothing wrong.
    @Test
    void aCarryWithoutScoresOfTheLinearBaselineHasItsAucOnceTheWindowHasNewLabelsAlone() throws IOException {
        OnlineModel model = OnlineModel.initial(SPEC, new ScalarKernels());
        model.restoreCarry(Files.readAllBytes(Path.of("src/test/resources/formats/carry-7.bin")));
        assertThat(measures(model)).containsEntry("labels", 17.0)
                .containsKeys("auc", "linear_log_loss", "mean_label_tenth_5").doesNotContainKey("linear_auc");
        int learned = 17; // and four wait
        for (; learned + 17 < 17 + RecentEvaluation.WINDOW; learned += 17) {
            learn(model, learned + 4, learned + 21);
        }
        model.restoreCarry(model.carry());
        assertThat(measures(model)).containsEntry("labels", 2_000.0).doesNotContainKey("linear_auc");
        learn(model, learned + 4, learned + 21);
        assertThat(measures(model).get("linear_auc")).isBetween(0.6, 1.0);
    }

    private static Map<String, Double> measures(OnlineModel model) {
        return model.evaluation().recent().measures();
    }

    private static TrainerStatus status() {
        return new TrainerStatus(EPOCH, 77, TrainerStatus.FAILED, 4, 50, 7, 0.25,
                List.of(new TrainerStatus.Reason("failed", "the model diverged", 70),
                        new TrainerStatus.Reason("dead-letters", "25 % are dead letters", 60)),
                List.of(new TrainerStatus.AsServed(EPOCH, "live", 1_000, 0.25, 0.75, 0.031, 0.029),
                        new TrainerStatus.AsServed(EPOCH - 1, "challenger", 7, 0.5, Double.NaN, 0.25, 0)));
    }

    private static OnlineModel learned() {
        return learned(SPEC, 21);
    }

    private static OnlineModel learned(ModelSpec spec, int events) {
        OnlineModel model = OnlineModel.initial(spec, new ScalarKernels());
        learn(model, 0, events);
        return model;
    }

    /// With predictions of two epochs, of which one label was corrected.
    private static OnlineModel served() {
        OnlineModel model = learned();
        for (int i = 0; i < 40; i++) {
            Served served = new Served("flight-delay", 1 + i / 20, 1_000L * i, i, 1_795_000_000_000L,
                    i % 3 == 0 ? Served.Stage.CHALLENGER : Served.Stage.LIVE, null, new float[]{i / 40f});
            model.served().take(new ServedLabel(served, i % 2, Float.NaN, i == 7 ? 2.5 : 1));
            if (i == 5) {
                model.served().take(new ServedLabel(served, 0, 1, 1));
            }
        }
        return model;
    }

    private static void learn(OnlineModel model, int from, int to) {
        Featurizer featurizer = new Featurizer(model.spec());
        for (int i = from; i < to; i++) {
            model.accept(Specs.row(featurizer, Specs.flight(i)));
        }
    }

    /// One update further than `learned`, and some rows of its tables untouched since then.
    private static OnlineModel changed() {
        OnlineModel model = learned();
        model.parameters().changes().clear();
        learn(model, 21, 34);
        return model;
    }

    private static PublishedSnapshot delta(OnlineModel model) {
        return PublishedSnapshot.delta(model,
                new PublishedSnapshot.Moment(model.weightsHash(), EPOCH, 1_013, 78, true, 5_000),
                new PublishedSnapshot.Parent(1, SnapshotManifest.Chain.ofFull(1, 4_000)), PublishedSnapshot.Form.PLAIN);
    }

    private static PublishedSnapshot published() {
        return published(SPEC);
    }

    private static PublishedSnapshot published(ModelSpec spec) {
        OnlineModel model = learned(spec, 21);
        return PublishedSnapshot.full(model,
                new PublishedSnapshot.Moment(model.weightsHash(), EPOCH, 1_000, 77, true,
                        SnapshotManifest.Chain.TIME_UNKNOWN),
                PublishedSnapshot.Form.PLAIN, new SnapshotManifest.Origin(2, 1, 900, 950, "drift, see #7"));
    }

    /// With the golden manifest beside it, as a reader has it.
    private static byte[] rewrittenPart(byte[] part) {
        SnapshotManifest manifest = published().manifest();
        Parameters parameters = Parameters.served(Plan.of(SPEC.network()));
        SnapshotParts.decode(manifest, List.of(part), parameters);
        return SnapshotParts.encode(parameters, SPEC.model(), EPOCH).getFirst();
    }

    private static SnapshotFile.Head head() {
        return new SnapshotFile.Head("other", published().manifest(), SPEC.yaml(), 1_234, true);
    }

    private static byte[] file(SnapshotFile.Head head, Parameters parameters) {
        ByteArrayOutputStream to = new ByteArrayOutputStream();
        try {
            SnapshotFile.write(head, parameters, to);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return to.toByteArray();
    }

    private static byte[] rewrittenFile(byte[] bytes) {
        Parameters parameters = Parameters.served(Plan.of(SPEC.network()));
        try {
            SnapshotFile read = SnapshotFile.read(new ByteArrayInputStream(bytes));
            read.decode(parameters);
            return file(read.head(), parameters);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Read over the version before it, as a reader does, and written again from what that gave: weights are the
    /// file's, not what this build would learn.
    private static byte[] rewrittenDelta(byte[] part) {
        OnlineModel model = changed();
        Parameters parent = Parameters.served(Plan.of(SPEC.network()));
        copy(learned().parameters(), parent);
        Successor successor = new Successor(parent);
        SnapshotParts.decodeChanges(delta(model).manifest(), List.of(part), successor);
        copy(successor.parameters(), model.parameters());
        return delta(model).records().getFirst().value();
    }

    private static void copy(Parameters from, Parameters to) {
        for (int page = 0; page < from.servedPages(); page++) {
            byte[] bytes = new byte[from.pageLength(page)];
            from.readPage(page, bytes, 0);
            to.writePage(page, bytes, 0);
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void everyFormatOfAReleaseIsRead(GoldenFormat format) {
        format.checkOldTruths();
    }

    @ParameterizedTest
    @MethodSource("formats")
    void theWriterWritesWhatItsNumberMeans(GoldenFormat format) {
        format.checkTheWriter();
    }

    @ParameterizedTest
    @MethodSource("formats")
    void aFutureFormatIsRefusedByItsNumber(GoldenFormat format) {
        format.checkTheFuture();
    }

    @ProvesOracle(Breaker.CHANGES_A_FORMAT_SILENTLY)
    @Test
    void aFormatThatChangesSilentlyIsReported() {
        // Version and next offset change places.
        GoldenFormat moved = formats().get(HEARTBEAT).with(bytes -> {
            Heartbeat of = Heartbeat.decode(bytes);
            return new Heartbeat(of.epoch(), of.nextOffset(), of.version(), of.caughtUp(), of.time()).encode();
        });
        assertThatThrownBy(moved::checkTheWriter).isInstanceOf(AssertionError.class)
                .hasMessageContaining("raise the number");
    }

    @ProvesOracle(Breaker.READS_ANY_FORMAT)
    @Test
    void aReaderThatLooksAtNoNumberIsReported() {
        GoldenFormat any = formats().get(HEARTBEAT).with(bytes -> {
            ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(FORMAT_AT, 1);
            return Heartbeat.decode(bytes).encode();
        });
        assertThatThrownBy(any::checkTheFuture).isInstanceOf(AssertionError.class).hasMessageContaining("was read");
    }
}
