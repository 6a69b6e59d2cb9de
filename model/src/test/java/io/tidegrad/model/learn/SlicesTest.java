package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.Specs;
import io.tidegrad.model.evaluation.SliceEvaluation.Slice;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.SpecException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Slices beside an oracle that keeps every prediction with the values of its event, and adds them up value by value.
class SlicesTest {
    private static final int EVENTS = 33_000;
    private static final int TURN = 10_000;

    /// A prediction of the oracle.
    private record Told(@Nullable String kind, double p, boolean yes, double weight) {
        double loss() {
            return -Math.log(yes ? p : 1 - p);
        }
    }

    private final SplittableRandom random = new SplittableRandom(5);
    private final List<@Nullable String> kinds = new ArrayList<>();
    private final List<Told> told = new ArrayList<>();

    private static ModelSpec spec(int miniBatch, String watch) {
        return ModelSpec.parse("""
                model: sliced
                input: { topic: events }
                label: { field: y }
                weight: { field: w }
                features:
                  - number:   { field: a }
                  - category: { field: kind, buckets: 8, dimension: 2 }
                  - category: { field: other, buckets: 8, dimension: 2 }
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { sgd: { rate: 0.02 } }
                mini-batch: { size: %d }
                %s
                """.formatted(miniBatch, watch), "sliced.yaml");
    }

    private static OnlineModel model(int miniBatch, String watch) {
        return OnlineModel.initial(spec(miniBatch, watch), new ScalarKernels());
    }

    /// An event whose kind has one of `values` values, low ones being frequent; every twentieth has none.
    private Row event(Featurizer featurizer, int values) {
        int kind = (int) (values * Math.pow(random.nextDouble(), 4));
        boolean missing = random.nextInt(20) == 0;
        Map<String, Object> fields = new HashMap<>();
        double a = random.nextGaussian();
        fields.put("a", a);
        fields.put("other", random.nextInt(3));
        fields.put("w", 1 + random.nextInt(3));
        fields.put("y", random.nextDouble() < 1 / (1 + Math.exp(-a - kind % 5 + 2)));
        if (!missing) {
            fields.put("kind", kind % 2 == 0 ? "kind " + kind : kind);
        }
        kinds.add(missing ? null : String.valueOf(fields.get("kind")));
        return Specs.row(featurizer, new MapEvent(fields));
    }

    private void keep(float[] predictions, int at, float[] labels, int labelAt, float loss, float weight) {
        told.add(new Told(kinds.get(told.size()), predictions[at], labels[labelAt] > 0, weight));
    }

    private OnlineModel learn(OnlineModel model, int events, int values) {
        Featurizer featurizer = new Featurizer(model.spec());
        model.watch(this::keep);
        for (int i = 0; i < events; i++) {
            assertThat(model.accept(event(featurizer, values))).isNull();
        }
        return model;
    }

    private static List<Slice> of(OnlineModel model, String field) {
        return model.evaluation().recent().slices().stream().filter(slice -> slice.field().equals(field)).toList();
    }

    private List<Told> told(@Nullable String kind, int from) {
        return IntStream.range(from, told.size()).mapToObj(told::get)
                .filter(each -> String.valueOf(each.kind).equals(String.valueOf(kind))).toList();
    }

    private static void assertMeasures(Map<String, Double> found, List<Told> expected) {
        assertThat(found.get("labels")).isEqualTo(expected.size());
        double total = expected.stream().mapToDouble(Told::weight).sum();
        double yes = expected.stream().mapToDouble(each -> each.yes ? each.weight : 0).sum() / total;
        double predicted = expected.stream().mapToDouble(each -> each.weight * each.p).sum() / total;
        assertThat(found.get("log_loss")).isCloseTo(
                expected.stream().mapToDouble(each -> each.weight * each.loss()).sum() / total, within(1e-6));
        assertThat(found.get("mean_label")).isCloseTo(yes, within(1e-9));
        assertThat(found.get("mean_prediction")).isCloseTo(predicted, within(1e-6));
        assertThat(found.get("calibration_bias")).isCloseTo(predicted - yes, within(1e-6));
        assertThat(found.get("prior_log_loss")).isCloseTo(entropy(yes) + entropy(1 - yes), within(1e-9));
        assertThat(found.getOrDefault("auc", Double.NaN)).satisfiesAnyOf(
                auc -> assertThat(auc).isCloseTo(auc(expected), within(0.005)),
                auc -> assertThat(auc).isNaN().isEqualTo(auc(expected)));
        assertThat(found.get("accuracy")).isCloseTo(
                expected.stream().mapToDouble(each -> each.p > 0.5 == each.yes ? each.weight : 0).sum() / total,
                within(1e-9));
    }

    /// The share of weighted pairs that are in order; two probabilities are never equal.
    private static double auc(List<Told> all) {
        double below = 0;
        double yes = 0;
        double inOrder = 0;
        for (Told each : all.stream().sorted(Comparator.comparingDouble(Told::p)).toList()) {
            inOrder += each.yes ? each.weight * below : 0;
            yes += each.yes ? each.weight : 0;
            below += each.yes ? 0 : each.weight;
        }
        return inOrder / (yes * below);
    }

    private static double entropy(double share) {
        return share == 0 ? 0 : -share * Math.log(share);
    }

    /// How often each kind came, `null` where there was none.
    private Map<String, Long> counts() {
        return told.stream().collect(Collectors.groupingBy(each -> String.valueOf(each.kind), Collectors.counting()));
    }

    /// With a restart among them, in the middle of a mini-batch and of a generation.
    @ParameterizedTest
    @ValueSource(ints = {1, 8})
    void fewValuesAreMeasuredExactly(int miniBatch) {
        OnlineModel begun = learn(model(miniBatch, "watch: { slices: [kind, other], top: 10 }"), 12_345, 18);
        OnlineModel model = learn(Specs.restored(begun), EVENTS - 12_345, 18);
        List<Slice> slices = of(model, "kind");
        List<String> frequent = counts().entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue().reversed().thenComparing(Map.Entry.comparingByKey()))
                .limit(10).map(Map.Entry::getKey).toList();
        assertThat(slices.stream().map(Slice::value).map(String::valueOf)).isEqualTo(frequent).contains("null");
        assertThat(of(model, "other")).hasSize(3);
        for (Slice slice : slices) {
            assertThat(slice.missed()).isZero();
            assertThat(slice.labels()).isEqualTo(told(slice.value(), 0).size());
            assertMeasures(slice.all(), told(slice.value(), 0));
            assertMeasures(slice.recent(), told(slice.value(), (told.size() / TURN - 1) * TURN));
        }
    }

    /// The measured labels are the newest ones of the value, and what is missed is bounded as is promised.
    @Test
    void ofManyValuesTheFrequentOnesAreThereAndWhatIsMissedIsBounded() {
        int top = 5;
        OnlineModel model = learn(model(1, "watch: { slices: [kind], top: 5 }"), EVENTS, 3_000);
        List<Slice> slices = of(model, "kind");
        assertThat(slices).hasSize(top);
        List<String> found = slices.stream().map(slice -> String.valueOf(slice.value())).toList();
        counts().entrySet().stream().sorted(Map.Entry.<String, Long>comparingByValue().reversed()).limit(3)
                .forEach(frequent -> assertThat(found).contains(frequent.getKey()));
        for (Slice slice : slices) {
            List<Told> expected = told(slice.value(), 0);
            assertThat(slice.missed()).isLessThan(EVENTS / 8);
            assertThat((long) expected.size()).isBetween(slice.labels(), slice.labels() + slice.missed());
            assertMeasures(slice.all(),
                    expected.subList(expected.size() - Math.toIntExact(slice.labels()), expected.size()));
        }
    }

    private void learn(OnlineModel model, Featurizer featurizer, String kind, int times) {
        for (int i = 0; i < times; i++) {
            kinds.add(kind);
            assertThat(model.accept(Specs.row(featurizer,
                    new MapEvent(
                            Map.of("a", random.nextGaussian(), "kind", kind, "other", 0, "w", 1, "y", i % 3 == 0)))))
                    .isNull();
        }
    }

    /// Each group of values sees more new ones than it takes to drive out a value that came twenty times.
    @Test
    void aValueThatOthersHaveDrivenOutSaysHowManyOfItsLabelsAreMissedOnceItComesAgain() {
        OnlineModel model = model(1, "watch: { slices: [kind], top: 1 }");
        model.watch(this::keep);
        Featurizer featurizer = new Featurizer(model.spec());
        learn(model, featurizer, "often", 60);
        learn(model, featurizer, "often, too", 60);
        learn(model, featurizer, "driven out", 20);
        for (int i = 0; i < 12_000; i++) {
            learn(model, featurizer, "once " + i, 1);
        }
        Slice often = of(model, "kind").getFirst();
        assertThat(often.value()).isIn("often", "often, too"); // what others have left behind makes no value frequent
        assertThat(often.labels()).isEqualTo(60);
        assertThat(often.missed()).isZero();

        learn(model, featurizer, "driven out", 300);
        Slice again = of(model, "kind").getFirst();
        assertThat(again.value()).isEqualTo("driven out");
        List<Told> expected = told("driven out", 0);
        assertThat(again.labels()).isBetween(200L, 300L);
        assertThat(again.labels() + again.missed()).isBetween((long) expected.size(), expected.size() + 200L);
        assertMeasures(again.all(), expected.subList(expected.size() - (int) again.labels(), expected.size()));
    }

    @Test
    void lateLabelsCountForTheValuesThatTheirRowsHad() {
        OnlineModel model = model(1, "watch: { slices: [kind] }");
        LabelDelay delay = new LabelDelay(model, new LabelDelay.Length(700, null), (_, _) -> {
        });
        delay.watch(this::keep);
        Featurizer featurizer = new Featurizer(model.spec());
        for (int i = 0; i < 9_000; i++) {
            PreparedEvent event = new PreparedEvent(event(featurizer, 18));
            event.rowOf(new byte[0]);
            delay.take(event, i);
        }
        delay.drain();
        List<Slice> slices = delay.evaluation().recent().slices();
        assertThat(slices).hasSize(10);
        slices.forEach(slice -> assertMeasures(slice.all(), told(slice.value(), 0)));
    }

    @Test
    void slicesChangeNoWeightAndNoFingerprint() {
        OnlineModel with = learn(model(8, "watch: { slices: [kind, other] }"), 1_000, 18);
        SlicesTest again = new SlicesTest();
        OnlineModel without = again.learn(model(8, ""), 1_000, 18);
        assertThat(with.stateHash()).isEqualTo(without.stateHash());
        assertThat(with.spec().fingerprint()).isEqualTo(without.spec().fingerprint());
    }

    /// A trainer takes `watch` from its spec file at each start.
    @ParameterizedTest
    @ValueSource(strings = {"", "watch: { slices: [other] }", "watch: { slices: [kind], top: 9 }"})
    void withOtherSlicesTheyBeginAnewAndNothingElseDoes(String watch) {
        OnlineModel before = learn(model(8, "watch: { slices: [kind] }"), 1_003, 18);
        OnlineModel after = model(8, watch);
        after.restoreCarry(before.carry());
        assertThat(after.pending()).isEqualTo(3);
        assertThat(after.evaluation().recent().measures()).isEqualTo(before.evaluation().recent().measures());
        assertThat(after.evaluation().recent().slices()).isEmpty();
        learn(after, 5, 18); // with three rows whose values nobody knows
        assertThat(after.evaluation().recent().slices().stream().mapToLong(Slice::labels).sum())
                .isEqualTo(watch.isEmpty() ? 0 : 5);
    }

    @Test
    void aLongValueIsNamedByItsFirstBytesAndStillIsAnotherOne() {
        OnlineModel model = model(1, "watch: { slices: [kind] }");
        Featurizer featurizer = new Featurizer(model.spec());
        String start = "x".repeat(39);
        for (String end : List.of("éa", "éb")) {
            model.accept(Specs.row(featurizer,
                    new MapEvent(Map.of("a", 1, "other", 1, "w", 1, "y", 1, "kind", start + end))));
        }
        assertThat(of(model, "kind").stream().map(Slice::value)).containsExactly(start, start);
    }

    @Test
    void whatCannotBeSlicedIsAMistakeOfTheSpec() {
        assertThatThrownBy(() -> spec(1, "watch: { slices: [elsewhere, kind, kind] }"))
                .isInstanceOf(SpecException.class)
                .hasMessageContaining(
                        "expected a field that a feature reads as one value (a, kind, other), found 'elsewhere'")
                .hasMessageContaining("expected each field once, found 'kind' twice");
        assertThatThrownBy(() -> spec(1, "watch: { slices: [] }")).hasMessageContaining("expected 1 to 4 fields");
        assertThatThrownBy(() -> spec(1, "watch: { top: 3 }")).hasMessageContaining("expected slices beside it");
        assertThatThrownBy(() -> spec(1, "watch: { slices: [kind], top: 51 }")).hasMessageContaining("from 1 to 50");
        assertThatThrownBy(() -> spec(1, "watch: { slices: [kind], false-alarms-every: 0 }"))
                .hasMessageContaining("expected a false-alarms-every that is not 0");
    }
}
