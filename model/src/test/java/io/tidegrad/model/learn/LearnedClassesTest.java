package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.model.Specs;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.evaluation.ServedEvaluation;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.LearnedClasses;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold.Outcome;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.Served;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Classes that come later: the model gives them their index in the order of learning.
class LearnedClassesTest {
    private static final ScalarKernels SCALAR = new ScalarKernels();
    private static final String AUTO = """
            model: kinds
            input: { topic: things, event-time: at, max-ahead: PT1H }
            label: { field: kind, classes: auto }
            features:
              - number: { field: x, scale: standard }
              - category: { field: color, buckets: 16, dimension: 2 }
            network: [ dense: 6, relu, dense: 5 ]
            loss: categorical-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            mini-batch: { size: 1 }
            watch: { slices: [color] }
            """;
    private static final Object[] KINDS = {"tree", 7, -3L, true, 0.5};
    private static final List<String> TEXTS = List.of("tree", "7", "-3", "true", "0.5");

    private static ModelSpec auto(int miniBatch) {
        return ModelSpec.parse(AUTO.replace("size: 1 ", "size: " + miniBatch + " "), "kinds.yaml");
    }

    private static ModelSpec named(int miniBatch, List<String> names) {
        return ModelSpec.parse(AUTO.replace("size: 1 ", "size: " + miniBatch + " ").replace("classes: auto",
                "classes: [\"" + String.join("\", \"", names) + "\"]"), "kinds.yaml");
    }

    private static MapEvent event(int index, Object kind) {
        SplittableRandom random = new SplittableRandom(index);
        Map<String, Object> fields = new HashMap<>();
        fields.put("at", Specs.START + 1_000L * index);
        fields.put("x", random.nextDouble() + kind.hashCode() % 5);
        fields.put("color", "c" + random.nextInt(4));
        fields.put("kind", kind);
        return new MapEvent(fields);
    }

    /// A later class is met late, and some are rare.
    private static Object kind(int index) {
        return KINDS[(int) (Math.pow(new SplittableRandom(91 + index).nextDouble(), 2) * Math.min(5, 1 + index / 20))];
    }

    private static OnlineModel learned(OnlineModel model, int from, int to) {
        Featurizer featurizer = new Featurizer(model.spec());
        for (int i = from; i < to; i++) {
            assertThat(model.accept(Specs.row(featurizer, event(i, kind(i))))).isNull();
        }
        return model;
    }

    private static OnlineModel learned(ModelSpec spec, int events) {
        return learned(OnlineModel.initial(spec, SCALAR), 0, events);
    }

    private static LearnedClasses classes(OnlineModel model) {
        return Objects.requireNonNull(model.classes());
    }

    private static List<byte[]> pages(OnlineModel model) {
        List<byte[]> pages = new ArrayList<>();
        for (int page = 0; page < model.parameters().pages(); page++) {
            byte[] bytes = new byte[model.parameters().pageLength(page)];
            model.parameters().readPage(page, bytes, 0);
            pages.add(bytes);
        }
        return pages;
    }

    private static void assertSameBits(OnlineModel found, OnlineModel expected) {
        assertThat(found.parameters().updates()).isEqualTo(expected.parameters().updates());
        List<byte[]> theirs = pages(expected);
        List<byte[]> ours = pages(found);
        for (int page = 0; page < theirs.size(); page++) {
            assertThat(ours.get(page)).as("page %s", page).isEqualTo(theirs.get(page));
        }
        assertSame(found.evaluation(), expected.evaluation());
    }

    private static void assertSame(ProgressiveEvaluation found, ProgressiveEvaluation expected) {
        assertThat(found.logLoss()).isEqualTo(expected.logLoss());
        assertThat(found.priorLogLoss()).isEqualTo(expected.priorLogLoss());
        assertThat(found.linearLogLoss()).isEqualTo(expected.linearLogLoss());
        assertThat(found.accuracy()).isEqualTo(expected.accuracy());
        assertThat(found.recent().measures()).isEqualTo(expected.recent().measures());
        assertThat(found.recent().slices()).isEqualTo(expected.recent().slices());
    }

    /// The oracle: with as many names as room, in the order of learning, a spec that knows them gives the same bits.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 64})
    void theBitsAreThoseOfAListOfTheSameNamesInTheOrderOfLearning(int miniBatch) {
        OnlineModel model = learned(auto(miniBatch), 300);
        assertThat(model.classNames()).containsExactlyInAnyOrderElementsOf(TEXTS);
        OnlineModel known = learned(named(miniBatch, model.classNames()), 300);
        assertSameBits(model, known);
        List<String> other = new ArrayList<>(model.classNames());
        other.addFirst(other.removeLast());
        assertThat(pages(learned(named(miniBatch, other), 300))).usingRecursiveComparison().isNotEqualTo(pages(model));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7})
    void aRestartAtAnyPointAndOtherKernelsAndWorkersChangeNothing(int miniBatch) {
        OnlineModel model = OnlineModel.initial(auto(miniBatch), SCALAR);
        OnlineModel restarting = OnlineModel.initial(auto(miniBatch), SCALAR);
        OnlineModel wide = OnlineModel.initial(auto(miniBatch), Kernels.active());
        try (Workers workers = new Workers(2)) {
            wide.shareAmong(workers);
            for (int i = 0; i < 150; i++) {
                learned(model, i, i + 1);
                learned(wide, i, i + 1);
                restarting = Specs.restored(learned(restarting, i, i + 1));
                assertThat(restarting.stateHash()).isEqualTo(model.stateHash());
                assertThat(restarting.carry()).isEqualTo(model.carry());
                assertThat(restarting.classNames()).isEqualTo(model.classNames());
            }
        }
        assertThat(wide.stateHash()).isEqualTo(model.stateHash());
        assertThat(model.pending()).isEqualTo(150 % miniBatch);
    }

    /// A class that only a pending row has is lost unless the carry has it.
    @Test
    void aClassOfAPendingRowIsInTheCarryAndInTheStateHash() {
        OnlineModel model = learned(OnlineModel.initial(auto(4), SCALAR), 0, 1);
        assertThat(model.parameters().updates()).isZero();
        assertThat(Specs.restored(model).classNames()).containsExactly(String.valueOf(kind(0)));
        OnlineModel other = OnlineModel.initial(auto(4), SCALAR);
        Featurizer featurizer = new Featurizer(other.spec());
        MapEvent renamed = new MapEvent(new HashMap<>(Map.of("at", Specs.START, "x", 1.0, "color", "c", "kind", "a")));
        other.accept(Specs.row(featurizer, renamed));
        String a = other.stateHash();
        OnlineModel third = OnlineModel.initial(auto(4), SCALAR);
        third.accept(
                Specs.row(featurizer, new MapEvent(Map.of("at", Specs.START, "x", 1.0, "color", "c", "kind", "b"))));
        assertThat(third.stateHash()).isNotEqualTo(a);
    }

    /// Against a map that is written down here: random orders of labels, of which some can't be accepted.
    @Test
    void inAnyOrderClassesAreThoseOfAMapAndARejectedEventAddsNone() {
        int ofFuture = 0;
        for (int seed = 0; seed < 200; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            OnlineModel model = OnlineModel.initial(auto(1 + seed % 3), SCALAR);
            Featurizer featurizer = new Featurizer(model.spec());
            Map<String, Integer> expected = new LinkedHashMap<>();
            long refused = 0;
            for (int i = 0; i < 60; i++) {
                String kind = "k" + random.nextInt(9);
                boolean far = random.nextInt(4) == 0 && i > 0;
                MapEvent event = event(far ? 1_000_000 : i, kind);
                Rejection rejection = model.accept(Specs.row(featurizer, event));
                if (rejection != null && rejection.reason() == Rejection.Reason.FUTURE_TIME) {
                    assertThat(far).isTrue();
                    ofFuture++;
                } else if (expected.size() == 5 && !expected.containsKey(kind)) {
                    refused++;
                    assertThat(rejection).extracting(Rejection::reason).isEqualTo(Rejection.Reason.NO_ROOM_FOR_CLASS);
                } else {
                    assertThat(rejection).isNull();
                    expected.putIfAbsent(kind, expected.size());
                }
                if (random.nextInt(10) == 0) {
                    model = Specs.restored(model);
                }
                OnlineModel now = model;
                assertThat(now.classNames()).containsExactlyElementsOf(expected.keySet());
                expected.forEach((name, index) -> assertThat(classes(now).label(name)).isEqualTo(index.floatValue()));
                assertThat(classes(now).label("none")).isNaN();
                assertThat(classes(now).refused()).isEqualTo(refused);
            }
        }
        assertThat(ofFuture).isGreaterThan(100);
    }

    @Test
    void aClassBeyondTheRoomIsToldAndChangesNothing() {
        OnlineModel model = learned(auto(3), 301);
        String state = model.stateHash();
        Featurizer featurizer = new Featurizer(model.spec());
        assertThat(model.accept(Specs.row(featurizer, event(301, "sixth"))))
                .isEqualTo(new Rejection(Rejection.Reason.NO_ROOM_FOR_CLASS,
                        "field 'kind': expected one of the 5 classes " + String.join(", ", model.classNames())
                                + ", for which there is room, found 'sixth'; give a new model more room"
                                + " (label: { classes: { auto: … } }) under a new name"));
        assertThat(Rejection.Reason.NO_ROOM_FOR_CLASS.code()).isEqualTo("no-room-for-class");
        assertThat(model.stateHash()).isEqualTo(state);
        assertThat(classes(Specs.restored(model)).refused()).isOne();
    }

    @Test
    void aQuarantinedEventAndOneWhoseLossIsNotFiniteAddNoClass() {
        OnlineModel strict =
                OnlineModel.initial(ModelSpec.parse(AUTO + "quarantine: { loss: 0.000001 }\n", "kinds.yaml"), SCALAR);
        Featurizer featurizer = new Featurizer(strict.spec());
        assertThat(strict.accept(Specs.row(featurizer, event(0, "a")))).extracting(Rejection::reason)
                .isEqualTo(Rejection.Reason.QUARANTINED);
        assertThat(strict.classNames()).isEmpty();
        OnlineModel model = OnlineModel.initial(ModelSpec.parse(
                AUTO.replace(", scale: standard", "").replace("adam: { rate: 0.01 }", "sgd: { rate: 1 }"),
                "kinds.yaml"), SCALAR);
        List<String> accepted = new ArrayList<>();
        int refused = 0;
        for (int i = 0; i < 5; i++) {
            Map<String, Object> huge = Map.of("at", Specs.START, "x", 1e15, "color", "c", "kind", "k" + i);
            Rejection rejection = model.accept(Specs.row(new Featurizer(model.spec()), new MapEvent(huge)));
            if (rejection == null) {
                accepted.add("k" + i);
            } else {
                assertThat(rejection.reason()).isEqualTo(Rejection.Reason.NOT_FINITE);
                refused++;
            }
        }
        assertThat(refused).isPositive();
        assertThat(model.classNames()).isEqualTo(accepted).isNotEmpty();
    }

    @Test
    void aLabelIsItsCanonicalTextWhateverItsType() {
        OnlineModel model = OnlineModel.initial(auto(1), SCALAR);
        Featurizer featurizer = new Featurizer(model.spec());
        Schema symbols = Schema.createEnum("E", null, null, List.of("RED"));
        Object[] labels = {7, 1_000_000, 7L, 7.0, "7", -3, false, new GenericData.EnumSymbol(symbols, "RED"), "RED"};
        int i = 0;
        for (Object label : labels) {
            Object given = label instanceof GenericData.EnumSymbol symbol ? symbol.toString() : label;
            assertThat(model.accept(Specs.row(featurizer, event(i++, given)))).isNull();
        }
        assertThat(model.classNames()).containsExactly("7", "1000000", "-3", "false", "RED");
    }

    @Test
    void whatIsNoNameIsAnInvalidLabel() {
        ModelSpec spec = auto(1);
        Featurizer featurizer = new Featurizer(spec);
        for (Object label : new Object[]{"", "x".repeat(257), "ü".repeat(129)}) {
            assertThat(featurizer.featurize(event(0, label), featurizer.newRow()))
                    .satisfies(why -> assertThat(why.reason()).isEqualTo(Rejection.Reason.INVALID_LABEL))
                    .satisfies(why -> assertThat(why.detail()).contains("the name of a class, 1 to 256 bytes"));
        }
        OnlineModel model = OnlineModel.initial(spec, SCALAR);
        for (Object label : new Object[]{"a\u001b[2J", "\u0085", new byte[]{(byte) 0xc3, (byte) 0x28}}) {
            assertThat(featurizer.featurize(event(0, label), featurizer.newRow()))
                    .satisfies(why -> assertThat(why.reason()).isEqualTo(Rejection.Reason.INVALID_LABEL))
                    .satisfies(why -> assertThat(why.detail()).contains("a text in UTF-8 without control characters"));
        }
        assertThat(model.classNames()).isEmpty();
        assertThat(model.accept(Specs.row(featurizer, event(0, "ü".repeat(128))))).isNull();
        assertThat(Specs.restored(model).classNames()).containsExactly("ü".repeat(128));
    }

    /// With a delay a row is predicted before its class is known.
    @ParameterizedTest
    @ValueSource(ints = {1, 30})
    void lateLabelsAreEvaluatedLikeThoseOfAList(int rows) {
        LabelDelay.Length[] lengths =
                {new LabelDelay.Length(rows, null), new LabelDelay.Length(0, Duration.ofSeconds(rows))};
        for (LabelDelay.Length length : lengths) {
            OnlineModel model = OnlineModel.initial(auto(2), SCALAR);
            List<Float> losses = new ArrayList<>();
            List<Float> expectedLosses = new ArrayList<>();
            LabelDelay delay = delayed(model, length, losses);
            OnlineModel known = OnlineModel.initial(named(2, model.classNames()), SCALAR);
            assertThat(model.classNames()).hasSize(5);
            LabelDelay expected = delayed(known, length, expectedLosses);
            assertSameBits(model, known);
            assertSame(delay.evaluation(), expected.evaluation());
            assertThat(losses).hasSize(300).isEqualTo(expectedLosses);
        }
    }

    private static LabelDelay delayed(OnlineModel model, LabelDelay.Length length, List<Float> losses) {
        LabelDelay delay = new LabelDelay(model, length,
                (place, outcome) -> assertThat(outcome).isInstanceOf(Outcome.Accepted.class));
        delay.watch((predictions, at, labels, labelAt, loss, weight) -> {
            losses.add(loss);
            assertThat((double) loss).isCloseTo(-Math.log(predictions[at + (int) labels[labelAt]]), within(1e-4));
        });
        EventPreparation preparation = new EventPreparation(model.spec(), value -> {
            throw new AssertionError("no record");
        });
        PreparedEvent event = preparation.newEvent();
        for (int i = 0; i < 300; i++) {
            preparation.prepare(event(i, kind(i)), event);
            delay.take(event, i);
        }
        delay.drain();
        return delay;
    }

    private static EventFold fold(ModelSpec spec) {
        return new EventFold(spec, OnlineModel.initial(spec, SCALAR), value -> {
            String[] parts = new String(value, StandardCharsets.UTF_8).split(" ");
            return new MapEvent(parts[0].equals("none") ? Map.of("color", "c")
                    : Map.of("x", Double.parseDouble(parts[0]), "color", parts[1]));
        });
    }

    private static Headers headers(@Nullable Served served, Example.Kind kind, String label, @Nullable String old) {
        Headers headers = new RecordHeaders();
        if (served != null) {
            served.writeTo(headers);
        }
        new Example(kind, label, old, 1, new Example.Source("scored", 0, 0), 1_000, null).writeTo(headers);
        return headers;
    }

    private static byte[] value(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void whatWasServedCountsByTheClassThatItsLabelIsByThen() {
        ModelSpec spec =
                ModelSpec.parse(
                        AUTO.replace("{ topic: things, event-time: at, max-ahead: PT1H }", "{ stream: things }")
                                .replace("label: { field: kind, classes: auto }", "label: { classes: auto }"),
                        "kinds.yaml");
        EventFold fold = fold(spec);
        float[] predictions = {0.5f, 0.2f, 0.1f, 0.1f, 0.1f};
        Served served = new Served("kinds", 1, 10, 5, 5, Served.Stage.LIVE, null, predictions);
        // A new class counts with the event that brings it; a text that is none counts nothing, and neither does a
        // correction.
        fold.fold(value("1 c"), headers(served, Example.Kind.FINAL, "a", null));
        assertThat(fold.fold(value("none"), headers(served, Example.Kind.FINAL, "b", null)))
                .isInstanceOf(Outcome.Rejected.class);
        fold.fold(value("1 d"), headers(null, Example.Kind.FINAL, "b", null));
        fold.fold(value("1 d"), headers(served, Example.Kind.CORRECTION, "a", "b"));
        fold.fold(value("2 d"), headers(served, Example.Kind.FINAL, "b", null));
        assertThat(fold.model().classNames()).containsExactly("a", "b");
        ServedEvaluation.Figures figures = fold.model().served().stages().getFirst();
        assertThat(figures.predictions()).isEqualTo(2);
        assertThat(figures.accuracy()).isEqualTo(0.5);
        assertThat(figures.logLoss()).isCloseTo(-(Math.log(0.5f) + Math.log(0.2f)) / 2, within(1e-7));
        assertThat(fold.model().parameters().examples()).isEqualTo(4); // the correction is learned
    }

    private static PublishedSnapshot.Moment moment(OnlineModel model) {
        return new PublishedSnapshot.Moment(model.weightsHash(), 1, 7, 7, true, 1);
    }

    private static List<byte[]> parts(PublishedSnapshot snapshot) {
        return snapshot.records().subList(0, snapshot.records().size() - 1).stream().map(SnapshotEntry::value).toList();
    }

    private static Verification verified(PublishedSnapshot snapshot, @Nullable LoadedModel parent) {
        return new SnapshotVerifier("kinds", SCALAR, 1 << 20)
                .verify(SnapshotManifest.decode(snapshot.records().getLast().value()), parts(snapshot), parent);
    }

    @Test
    void aSnapshotAndADeltaNameTheClassesOfTheirVersion() {
        OnlineModel model = OnlineModel.initial(auto(1), SCALAR);
        PublishedSnapshot initial = PublishedSnapshot.full(model, moment(model), PublishedSnapshot.Form.PLAIN);
        assertThat(initial.manifest().encode()[4]).isEqualTo((byte) 3);
        assertThat(((Verification.Admitted) verified(initial, null)).model().classes()).isEmpty();
        learned(model, 0, 22);
        PublishedSnapshot full = PublishedSnapshot.full(model, moment(model), PublishedSnapshot.Form.PLAIN);
        assertThat(full.manifest().encode()[4]).isEqualTo((byte) 4);
        model.parameters().changes().clear();
        LoadedModel loaded = ((Verification.Admitted) verified(full, null)).model();
        List<String> early = model.classNames();
        assertThat(loaded.classes()).isEqualTo(early);
        learned(model, 22, 300);
        PublishedSnapshot delta = PublishedSnapshot.delta(model, moment(model),
                new PublishedSnapshot.Parent(full.manifest().version(), full.manifest().chain()),
                PublishedSnapshot.Form.PLAIN);
        LoadedModel later = ((Verification.Admitted) verified(delta, loaded)).model();
        assertThat(later.classes()).isEqualTo(model.classNames()).hasSize(5).startsWith(early.toArray(new String[0]));
        assertThat(early.size()).isLessThan(5);
        assertThat(later.inEpoch(2).classes()).isEqualTo(later.classes());
    }

    @Test
    void namesThatAVersionCantHaveAreRefused() {
        OnlineModel model = learned(auto(1), 300);
        SnapshotManifest manifest =
                PublishedSnapshot.full(model, moment(model), PublishedSnapshot.Form.PLAIN).manifest();
        List<String> twice = List.of("a", "a");
        assertThatThrownBy(() -> SnapshotManifest.decode(with(manifest, twice).encode()))
                .hasMessageContaining("each one once, found 'a'");
        OnlineModel known = learned(named(1, TEXTS), 50);
        PublishedSnapshot fixed = PublishedSnapshot.full(known, moment(known), PublishedSnapshot.Form.PLAIN);
        Verification refused = new SnapshotVerifier("kinds", SCALAR, 1 << 20)
                .verify(with(fixed.manifest(), List.of("a")), parts(fixed), null);
        assertThat(((Verification.Refused) refused).reason()).isEqualTo(RefusalReason.SPEC);
        List<String> six = List.of("a", "b", "c", "d", "e", "f");
        PublishedSnapshot full = PublishedSnapshot.full(model, moment(model), PublishedSnapshot.Form.PLAIN);
        refused = new SnapshotVerifier("kinds", SCALAR, 1 << 20).verify(with(full.manifest(), six), parts(full), null);
        assertThat(((Verification.Refused) refused).detail()).contains("at most 5 classes", "found 6");
    }

    private static SnapshotManifest with(SnapshotManifest of, List<String> classes) {
        return new SnapshotManifest(of.model(), of.epoch(), of.version(), of.parentVersion(), of.specYaml(),
                of.specFingerprint(), of.featureFingerprint(), of.numerics(), of.examples(), of.nextOffset(),
                of.newestAppendTime(), of.eventTime(), of.caughtUp(), of.logLoss(), of.priorLogLoss(), of.accuracy(),
                of.auc(), of.parts(), of.servedBytes(), of.weightsHash(), of.goldenRows(), of.payloadBytes(),
                of.chain(), of.origin(), classes, of.signature());
    }

    @Test
    void theSpecSaysItWithOrWithoutTheRoom() {
        ModelSpec spec = auto(1);
        assertThat(spec.label().learnsClasses()).isTrue();
        assertThat(spec.canonical()).contains("label: {field: \"kind\", classes: auto}\n");
        assertThat(ModelSpec.parse(spec.canonical(), "canonical").fingerprint()).isEqualTo(spec.fingerprint());
        ModelSpec stated = ModelSpec.parse(AUTO.replace("classes: auto", "classes: { auto: 5 }"), "kinds.yaml");
        assertThat(stated.fingerprint()).isEqualTo(spec.fingerprint());
        assertThat(ModelSpec.parse(AUTO.replace(", classes: auto", ""), "kinds.yaml").fingerprint())
                .isNotEqualTo(spec.fingerprint());
        String recipe = AUTO.replaceAll("network:.*\n", "recipe: auto\n").replaceAll("(loss|optimizer):.*\n", "");
        ModelSpec usual = ModelSpec.parse(recipe, "kinds.yaml");
        assertThat(usual.outputs()).isEqualTo(32);
        assertThat(usual.canonical()).contains("classes: auto}");
        ModelSpec more = ModelSpec.parse(recipe.replace("classes: auto", "classes: { auto: 64 }"), "kinds.yaml");
        assertThat(more.outputs()).isEqualTo(64);
        assertThat(more.canonical()).contains("classes: {auto: 64}}");
        assertThat(ModelSpec.parse(more.canonical(), "canonical").fingerprint()).isEqualTo(more.fingerprint());
        assertThat(learned(usual, 300).classNames()).hasSize(5);
    }
}
