package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.SpecException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What is told of the newest stretch of event time, beside an oracle that keeps every prediction with its event's time.
class PeriodTest {
    private static final long START = 1_795_000_000_000L;
    private static final Duration HOUR = Duration.ofHours(1);
    private static final long SLOT = 60_000; // of an hour, in 60 slots

    /// A prediction of the oracle.
    private record Told(long time, double p, boolean yes, double weight, boolean late) {
        double loss() {
            return -Math.log(yes ? p : 1 - p);
        }
    }

    private final SplittableRandom random = new SplittableRandom(3);
    private final List<Long> times = new ArrayList<>();
    private final List<Told> told = new ArrayList<>();
    private long now = START; // stream time

    private static ModelSpec spec(int miniBatch, String watch) {
        return ModelSpec.parse("""
                model: timed
                input: { topic: events, event-time: at }
                label: { field: y }
                weight: { field: w }
                features: [ number: { field: a } ]
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { sgd: { rate: 0.02 } }
                mini-batch: { size: %d }
                watch: { %s }
                """.formatted(miniBatch, watch), "timed.yaml");
    }

    private static OnlineModel model(int miniBatch, String watch) {
        return OnlineModel.initial(spec(miniBatch, watch), new ScalarKernels());
    }

    private Row event(Featurizer featurizer, long time) {
        double a = random.nextGaussian();
        times.add(time);
        return Specs.row(featurizer, new MapEvent(Map.of("a", a, "at", time, "w", 1 + random.nextInt(3), "y",
                random.nextDouble() < 1 / (1 + Math.exp(-a + 1)))));
    }

    private void keep(OnlineModel model, float p, float label, float weight) {
        long time = times.get(told.size());
        now = Math.max(now, model.eventTime());
        boolean late = Math.floorDiv(time, SLOT) <= Math.floorDiv(now, SLOT) - 60;
        told.add(new Told(time, p, label > 0, weight, late));
    }

    /// Events some seconds apart, of which some come minutes late and few hours, with a gap now and then.
    private void learn(OnlineModel model, int events) {
        Featurizer featurizer = new Featurizer(model.spec());
        model.watch((p, at, labels, labelAt, _, weight) -> keep(model, p[at], labels[labelAt], weight));
        long time = times.isEmpty() ? START : times.stream().mapToLong(Long::longValue).max().orElseThrow();
        for (int i = 0; i < events; i++) {
            time += random.nextInt(400) == 0 ? random.nextInt(3 * 3_600_000) : random.nextInt(6_000);
            long behind = random.nextInt(10) != 0 ? 0
                    : random.nextInt(20) == 0 ? random.nextInt(5 * 3_600_000) : random.nextInt(600_000);
            assertThat(model.accept(event(featurizer, time - behind))).isNull();
            if (i % 97 == 0 && model.pending() == 0 && HOUR.equals(model.spec().watch().period())) {
                assertSame(model);
            }
        }
    }

    private void assertSame(OnlineModel model) {
        Map<String, Double> found = model.evaluation().recent().period();
        long last = Math.floorDiv(now, SLOT);
        List<Told> expected = told.stream().filter(each -> !each.late)
                .filter(each -> Math.floorDiv(each.time, SLOT) > last - 60).toList();
        assertThat(found.get("labels")).isEqualTo(expected.size());
        assertThat(found.get("late")).isEqualTo(told.stream().filter(Told::late).count());
        if (expected.isEmpty()) {
            return;
        }
        assertTenths(found, expected);
        assertTenths(model.evaluation().recent().measures(),
                told.subList(Math.max(0, told.size() - 2_000), told.size()));
        double total = expected.stream().mapToDouble(Told::weight).sum();
        double yes = expected.stream().mapToDouble(each -> each.yes ? each.weight : 0).sum() / total;
        assertThat(found.get("mean_label")).isCloseTo(yes, within(1e-9));
        assertThat(found.get("mean_prediction"))
                .isCloseTo(expected.stream().mapToDouble(each -> each.weight * each.p).sum() / total, within(1e-6));
        assertThat(found.get("log_loss")).isCloseTo(
                expected.stream().mapToDouble(each -> each.weight * each.loss()).sum() / total, within(1e-6));
        assertThat(found.get("prior_log_loss")).isCloseTo(entropy(yes) + entropy(1 - yes), within(1e-9));
        assertThat(found.get("accuracy")).isCloseTo(
                expected.stream().mapToDouble(each -> each.p > 0.5 == each.yes ? each.weight : 0).sum() / total,
                within(1e-9));
        double noChange = 0;
        double pairs = 0;
        for (int i = 1; i < told.size(); i++) {
            if (expected.contains(told.get(i))) {
                noChange += told.get(i).yes == told.get(i - 1).yes ? told.get(i).weight : 0;
                pairs += told.get(i).weight;
            }
        }
        if (pairs > 0) {
            assertThat(found.get("no_change_accuracy")).isCloseTo(noChange / pairs, within(1e-9));
        }
        double area = area(expected);
        if (Double.isFinite(area)) {
            assertThat(found.get("auc")).isCloseTo(area, within(0.01));
        }
        if (yes > 0) {
            assertThat(found.get("average_precision")).isCloseTo(averagePrecision(expected), within(0.01));
        }
    }

    private static void assertTenths(Map<String, Double> found, List<Told> expected) {
        double total = expected.stream().mapToDouble(Told::weight).sum();
        for (int tenth = 0; tenth < 10; tenth++) {
            int of = tenth;
            List<Told> its = expected.stream().filter(each -> (int) (10 * each.p) == of).toList();
            double weights = its.stream().mapToDouble(Told::weight).sum();
            assertThat(found.get("predictions_tenth_" + tenth)).isEqualTo(weights / total);
            if (its.isEmpty()) {
                assertThat(found).doesNotContainKeys("mean_prediction_tenth_" + tenth, "mean_label_tenth_" + tenth);
                continue;
            }
            assertThat(found.get("mean_prediction_tenth_" + tenth))
                    .isCloseTo(its.stream().mapToDouble(each -> each.weight * each.p).sum() / weights, within(1e-7));
            assertThat(found.get("mean_label_tenth_" + tenth))
                    .isEqualTo(its.stream().mapToDouble(each -> each.yes ? each.weight : 0).sum() / weights);
        }
    }

    private static double entropy(double share) {
        return share == 0 ? 0 : -share * Math.log(share);
    }

    private static double area(List<Told> of) {
        double inOrder = 0;
        double pairs = 0;
        for (Told yes : of) {
            for (Told no : of) {
                if (yes.yes && !no.yes) {
                    pairs += yes.weight * no.weight;
                    inOrder += yes.weight * no.weight * (yes.p > no.p ? 1 : yes.p == no.p ? 0.5 : 0);
                }
            }
        }
        return inOrder / pairs;
    }

    /// By the definition: the precision at each yes, of all that are predicted as likely or likelier.
    private static double averagePrecision(List<Told> of) {
        double precisions = 0;
        double all = 0;
        for (Told yes : of) {
            if (yes.yes) {
                double likelier = of.stream().filter(each -> each.p >= yes.p).mapToDouble(Told::weight).sum();
                double right = of.stream().filter(each -> each.p >= yes.p && each.yes).mapToDouble(Told::weight).sum();
                precisions += yes.weight * right / likelier;
                all += yes.weight;
            }
        }
        return precisions / all;
    }

    /// With restarts among them, in the middle of a mini-batch.
    @ParameterizedTest
    @ValueSource(ints = {1, 8})
    void aPeriodHasTheLabelsOfItsEvents(int miniBatch) {
        OnlineModel model = model(miniBatch, "period: PT1H");
        for (int i = 0; i < 4; i++) {
            model = Specs.restored(model);
            learn(model, 1_001);
        }
        model.tick();
        assertSame(model);
        assertThat(model.evaluation().recent().period().get("late")).isPositive();
    }

    @Test
    void aLinearModelHasTheSameLabels() {
        OnlineModel model = model(1, "period: P366D");
        learn(model, 500);
        assertThat(model.evaluation().recent().period().get("linear_log_loss"))
                .isCloseTo(model.evaluation().linearLogLoss(), within(1e-6));
    }

    @Test
    void aTickMovesThePeriodAndAWrongClockThatIsMendedDoesNotStopIt() {
        OnlineModel model = model(1, "period: PT1H");
        learn(model, 300);
        model.tick(now + 24 * 3_600_000);
        assertThat(model.evaluation().recent().period()).containsEntry("labels", 0.0);
        OnlineModel wrong = model(1, "period: PT1H");
        Featurizer featurizer = new Featurizer(wrong.spec());
        wrong.accept(event(featurizer, 4_070_908_800_000L)); // in 2099
        for (int i = 0; i < 100; i++) {
            wrong.accept(event(featurizer, START + i));
        }
        assertThat(wrong.evaluation().recent().period().get("labels")).isEqualTo(99); // two rows moved stream time back
    }

    @Test
    void anotherPeriodBeginsAnewAndNoneTellsNothing() {
        OnlineModel hour = model(8, "period: PT1H");
        learn(hour, 1_000);
        learn(hour, 3);
        OnlineModel two = OnlineModel.blank(spec(8, "period: PT2H"), new ScalarKernels());
        two.restoreCarry(hour.carry());
        assertThat(two.evaluation().recent().period()).containsEntry("labels", 0.0).containsEntry("late", 0.0);
        assertThat(two.pending()).isEqualTo(3);
        OnlineModel none = OnlineModel.blank(spec(8, "false-alarms-every: 1000000"), new ScalarKernels());
        none.restoreCarry(two.carry());
        assertThat(none.evaluation().recent().period()).isEmpty();
        assertThat(none.evaluation().recent().measures()).isEqualTo(hour.evaluation().recent().measures());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            period: PT1H, false-alarms-every: 0 | a period is one of what is watched
            period: PT90S                       | expected whole minutes, found PT1M30S
            period: PT1S                        | a duration from PT1M to
            """)
    void aPeriodThatCanNotBeIsAMistake(String watch, String message) {
        assertThatThrownBy(() -> spec(1, watch)).isInstanceOf(SpecException.class).hasMessageContaining(message);
    }

    @Test
    void aPeriodNeedsEventTime() {
        assertThatThrownBy(() -> ModelSpec.parse(spec(1, "period: PT1H").yaml().replace(", event-time: at", ""), "a"))
                .hasMessageContaining("a period is one of event time: name its field");
    }
}
