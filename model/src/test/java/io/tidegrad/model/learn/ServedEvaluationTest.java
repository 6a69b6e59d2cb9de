package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.Specs;
import io.tidegrad.model.evaluation.ServedEvaluation.Figures;
import io.tidegrad.model.evaluation.ServedEvaluation;
import io.tidegrad.model.evaluation.ServedLabel;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example.Kind;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.Served.Stage;
import io.tidegrad.model.stream.Served;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.ProvesOracle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What was served, against the labels that came, through the fold; and the same from each prediction's last label alone.
class ServedEvaluationTest {
    private static final String FLIGHTS =
            Specs.FLIGHTS.replace("input:    { topic: flights, event-time: departed }", "input: { stream: departures }")
                    .replace("label:    { field: late }\n", "");
    private static final int PREDICTIONS = 400;
    private static final byte[] VALUE = {1};

    /// A prediction and the labels that it had, one after the other; null where none stood there.
    private record Logged(Served served, List<@Nullable String> labels, double weight) {
        @Nullable
        String last() {
            return labels.getLast();
        }
    }

    private static List<Logged> logged(Random random, String model, Predicate<Integer> integerWeights) {
        List<Logged> logged = new ArrayList<>();
        for (int i = 0; i < PREDICTIONS; i++) {
            float p = (float) Math.min(1, Math.max(0, 0.5 + random.nextGaussian() / 4));
            Served served = new Served(model, 2 + random.nextInt(2), (long) random.nextInt(100_000), i,
                    1_795_000_000_000L, Stage.values()[random.nextInt(2)], null, new float[]{p});
            List<@Nullable String> labels = new ArrayList<>();
            labels.add(random.nextInt(20) == 0 ? "maybe" : random.nextFloat() < p ? "1" : "0");
            for (int more = random.nextInt(4); more > 1; more--) {
                labels.add(random.nextInt(6) == 0 ? null : random.nextBoolean() ? "true" : "0");
            }
            logged.add(
                    new Logged(served, labels, integerWeights.test(i) ? 1 + random.nextInt(3) : random.nextDouble()));
        }
        return logged;
    }

    private static Headers headers(@Nullable Served served, Kind kind, @Nullable String label, @Nullable String old,
            double weight) {
        Headers headers = new RecordHeaders();
        if (served != null) {
            served.writeTo(headers);
        }
        new Example(kind, label, old, weight, new Example.Source("scored", 0, 0), 1_000, null).writeTo(headers);
        return headers;
    }

    /// Of all predictions in any order; of one, its labels in their order.
    private static List<Headers> examples(List<Logged> logged, Random random) {
        int[] next = new int[logged.size()];
        List<Integer> turns = new ArrayList<>();
        for (int i = 0; i < logged.size(); i++) {
            for (int each = 0; each < logged.get(i).labels.size(); each++) {
                turns.add(i);
            }
        }
        Collections.shuffle(turns, random);
        List<Headers> examples = new ArrayList<>();
        for (int i : turns) {
            Logged of = logged.get(i);
            int at = next[i]++;
            examples.add(at == 0 ? headers(of.served, Kind.FINAL, of.labels.getFirst(), null, of.weight)
                    : headers(of.served, Kind.CORRECTION, of.labels.get(at), of.labels.get(at - 1), of.weight));
        }
        return examples;
    }

    private static EventFold fold(String yaml) {
        ModelSpec spec = ModelSpec.parse(yaml, "spec");
        return new EventFold(spec, OnlineModel.initial(spec, new ScalarKernels()),
                _ -> new MapEvent(Map.of("distance", 1.0, "departed", 0L)));
    }

    private static float label(@Nullable String text) {
        return "1".equals(text) || "true".equals(text) ? 1 : "0".equals(text) ? 0 : Float.NaN;
    }

    /// Each prediction once, with its last label. One that has none in the end leaves its version's range behind.
    private static ServedEvaluation once(ModelSpec spec, List<Logged> logged) {
        ServedEvaluation once = new ServedEvaluation(spec);
        for (Logged each : logged) {
            float last = label(each.last());
            once.take(new ServedLabel(each.served, last, Float.NaN, each.weight));
            if (Float.isNaN(last) && each.labels.stream().anyMatch(label -> !Float.isNaN(label(label)))) {
                once.take(new ServedLabel(each.served, 1, Float.NaN, each.weight));
                once.take(new ServedLabel(each.served, Float.NaN, 1, each.weight));
            }
        }
        return once;
    }

    @ParameterizedTest
    @ValueSource(strings = {"relearn", "ignore", "fnw"})
    void eachLoggedPredictionCountsOnceWithItsLastLabelWhateverTheOrderAndAnyRestart(String lateLabels) {
        for (int seed = 0; seed < 30; seed++) {
            assertThat(faults(lateLabels, seed, Breaker.NONE)).isEmpty();
        }
    }

    @Test
    @ProvesOracle(Breaker.KEEPS_THE_OLD_LABEL)
    void aCorrectionThatLeavesTheOldLabelInIsSeen() {
        assertThat(faults("relearn", 1, Breaker.KEEPS_THE_OLD_LABEL)).isNotEmpty();
    }

    @Test
    @ProvesOracle(Breaker.FORGETS_WHAT_WAS_SERVED)
    void aRestartThatBeginsToCountAnewIsSeen() {
        assertThat(faults("ignore", 1, Breaker.FORGETS_WHAT_WAS_SERVED)).isNotEmpty();
    }

    /// What is counted as served otherwise than by each prediction's last label. Whole weights and rounded losses: they
    /// are equal, not near.
    private static List<String> faults(String lateLabels, int seed, Breaker breaker) {
        Random random = new Random(seed);
        List<Logged> logged = logged(random, "flight-delay", _ -> true);
        EventFold fold = fold(FLIGHTS + "late-labels: " + lateLabels + "\n");
        List<Headers> examples = examples(logged, random);
        for (int i = 0; i < examples.size(); i++) {
            Headers example = examples.get(i);
            fold.fold(VALUE,
                    breaker == Breaker.KEEPS_THE_OLD_LABEL ? example.remove(Example.OLD_LABEL_HEADER) : example);
            if (i % 100 == 0) {
                fold.model().restoreCarry(fold.model().carry());
                if (breaker == Breaker.FORGETS_WHAT_WAS_SERVED) {
                    fold.model().restartEvaluation();
                }
            }
        }
        ServedEvaluation once = once(fold.model().spec(), logged);
        List<String> faults = new ArrayList<>();
        compare(seed, withPredictions(once.stages()), withPredictions(fold.model().served().stages()), faults);
        compare(seed, withPredictions(once.ranges()), withPredictions(fold.model().served().ranges()), faults);
        return faults;
    }

    private static void compare(int seed, List<Figures> expected, List<Figures> found, List<String> faults) {
        if (!expected.equals(found)) {
            faults.add("seed " + seed + ": expected " + expected + ", found " + found);
        }
    }

    /// A range whose labels were all taken back is there and empty.
    private static List<Figures> withPredictions(List<Figures> figures) {
        return figures.stream().filter(each -> each.predictions() > 0).toList();
    }

    /// Such as those after a rollback, whose first examples it has left out.
    @Test
    void correctionsOfWhatNeverWasCountedLeaveNoValueThatCanNotBe() {
        ModelSpec spec = ModelSpec.parse(FLIGHTS, "spec");
        ServedEvaluation evaluation = new ServedEvaluation(spec);
        Served served = logged(new Random(1), "flight-delay", _ -> true).getFirst().served;
        for (int correction = 0; correction < 5; correction++) {
            evaluation.take(new ServedLabel(served, 1, 0, 1));
            assertNoMeasures(evaluation);
        }
        evaluation.take(new ServedLabel(served, 0, Float.NaN, 1));
        assertNoMeasures(evaluation); // one prediction, and five times yes
        for (int example = 0; example < 9; example++) {
            evaluation.take(new ServedLabel(served, 0, Float.NaN, 1));
        }
        assertThat(evaluation.stages()).singleElement().satisfies(figures -> {
            assertThat(figures.predictions()).isEqualTo(10);
            assertThat(figures.meanLabel()).isEqualTo(0.5);
        });
        for (int withdrawn = 0; withdrawn < 20; withdrawn++) {
            evaluation.take(new ServedLabel(served, Float.NaN, 1, 1));
        }
        assertThat(evaluation.stages()).singleElement()
                .satisfies(figures -> assertThat(figures.predictions()).isEqualTo(-10));
        assertNoMeasures(evaluation);
    }

    private static void assertNoMeasures(ServedEvaluation evaluation) {
        assertThat(evaluation.stages()).singleElement()
                .satisfies(figures -> assertThat(
                        List.of(figures.accuracy(), figures.auc(), figures.meanLabel(), figures.logLoss()))
                        .containsOnly(Double.NaN));
    }

    @Test
    void theFiguresAreThoseOfTheirDefinitions() {
        ModelSpec spec = ModelSpec.parse(FLIGHTS, "spec");
        List<Logged> logged = logged(new Random(7), "flight-delay", i -> i % 2 == 0);
        for (Figures figures : once(spec, logged).stages()) {
            List<Logged> of =
                    logged.stream()
                            .filter(each -> each.served.epoch() == figures.epoch()
                                    && each.served.stage() == figures.stage() && !Float.isNaN(label(each.last())))
                            .toList();
            double total = of.stream().mapToDouble(Logged::weight).sum();
            double logLoss = 0;
            double brier = 0;
            double predicted = 0;
            double actual = 0;
            double right = 0;
            double inOrder = 0;
            double pairs = 0;
            double[] gap = new double[10];
            for (Logged each : of) {
                double p = each.served.predictions()[0];
                double y = label(each.last());
                double least = y == 1 ? Float.MIN_NORMAL : 0x1p-25;
                logLoss -= each.weight * Math.log(Math.max(least, y == 1 ? p : 1 - p));
                brier += each.weight * (p - y) * (p - y);
                predicted += each.weight * p;
                actual += each.weight * y;
                right += p > 0.5 == (y == 1) ? each.weight : 0;
                gap[(int) Math.min(9, p * 10)] += each.weight * (p - y);
                for (Logged other : of) {
                    if (y == 1 && label(other.last()) == 0) {
                        double order = Double.compare(p, other.served.predictions()[0]);
                        inOrder += each.weight * other.weight * (order > 0 ? 1 : order == 0 ? 0.5 : 0);
                        pairs += each.weight * other.weight;
                    }
                }
            }
            assertThat(figures.predictions()).isEqualTo(of.size());
            assertThat(figures.logLoss()).isCloseTo(logLoss / total, within(1e-7));
            assertThat(figures.brier()).isCloseTo(brier / total, within(1e-7));
            assertThat(figures.meanPrediction()).isCloseTo(predicted / total, within(1e-7));
            assertThat(figures.meanLabel()).isCloseTo(actual / total, within(1e-12));
            assertThat(figures.accuracy()).isCloseTo(right / total, within(1e-12));
            assertThat(figures.calibrationError()).isCloseTo(Arrays.stream(gap).map(Math::abs).sum() / total,
                    within(1e-7));
            assertThat(figures.auc()).isCloseTo(inOrder / pairs, within(0.005));
            assertThat(figures.meanSquaredError()).isNaN();
        }
    }

    @Test
    void aRangeHoldsTheVersionsThatItSays() {
        ModelSpec spec = ModelSpec.parse(FLIGHTS, "spec");
        ServedEvaluation served = new ServedEvaluation(spec);
        Random random = new Random(3);
        List<Long> versions = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            long version = 1_000_000 + random.nextLong(1L << (i % 34));
            versions.add(version);
            served.take(new ServedLabel(new Served("m", 1, version, 0, 0, Stage.LIVE, null, new float[]{0.5f}), 1,
                    Float.NaN, 1));
            List<Figures> ranges = served.ranges();
            assertThat(ranges.size()).isLessThanOrEqualTo(ServedEvaluation.RANGES_MAX);
            assertThat(ranges.stream().mapToLong(Figures::predictions).sum()).isEqualTo(i + 1);
        }
        for (Figures range : served.ranges()) {
            assertThat(versions.stream().filter(each -> each >= range.from() && each <= range.to()).count())
                    .isEqualTo(range.predictions());
        }
    }

    @Test
    void theNewestThreeEpochsAreKept() {
        ServedEvaluation served = new ServedEvaluation(ModelSpec.parse(FLIGHTS, "spec"));
        for (int epoch : new int[]{3, 1, 2, 4, 1, 6, 2, 4}) {
            served.take(new ServedLabel(new Served("m", epoch, 9, 0, 0, Stage.LIVE, null, new float[]{0.5f}), 1,
                    Float.NaN, 1));
        }
        assertThat(served.stages()).extracting(Figures::epoch).containsExactly(6, 4, 3);
        assertThat(served.stages()).extracting(Figures::predictions).containsExactly(1L, 2L, 1L);
        assertThat(served.forgottenCount()).isEqualTo(2);
    }

    @Test
    void onlyWhatThisModelServedCountsAndWhatCanNotBeReadIsCounted() {
        EventFold fold = fold(FLIGHTS);
        Served other = new Served("another-model", 1, 1, 1, 1, Stage.LIVE, null, new float[]{0.5f});
        fold.fold(VALUE, headers(other, Kind.FINAL, "1", null, 1));
        fold.fold(VALUE, headers(null, Kind.FINAL, "1", null, 1));
        assertThat(fold.model().served().stages()).isEmpty();
        fold.fold(VALUE, headers(null, Kind.FINAL, "1", null, 1).add(Served.HEADER, new byte[]{'9'}));
        Served two = new Served("flight-delay", 1, 1, 1, 1, Stage.LIVE, null, new float[]{0.5f, 0.5f});
        fold.fold(VALUE, headers(two, Kind.FINAL, "1", null, 1));
        Served none = new Served("flight-delay", 1, 1, 1, 1, Stage.LIVE, null, new float[]{Float.NaN});
        fold.fold(VALUE, headers(none, Kind.FINAL, "1", null, 1));
        assertThat(fold.model().served().stages()).isEmpty();
        assertThat(fold.model().served().unreadableCount()).isEqualTo(3);
    }

    /// Two members, of which the first was right: by what they said then, and not by what they say now, which is the same of
    /// both; in mini-batches, too. What belongs to another model, has another length or is not finite is passed over.
    @Test
    void aRecipeJudgesItsMembersByWhatTheySaidWhenTheEventWasServed() {
        String yaml = FLIGHTS.replaceFirst("network:.*", "recipe: { members: [steady, linear] }")
                .replaceFirst("optimizer:.*", "");
        Served served = new Served("flight-delay", 1, 1, 1, 1, Stage.LIVE, null, new float[]{0.5f}, new float[]{4, -4});
        assertThat(weights(yaml, served)[3]).isGreaterThan(0.4);
        assertThat(weights(yaml, served)[4]).isLessThan(0.2);
        double[] now = weights(yaml, (Served) null);
        assertThat(now[3]).isBetween(0.3, 0.35);
        for (float[] outputs : new float[][]{{4}, {4, -4, 4}, {4, Float.NaN}}) {
            assertThat(
                    weights(yaml, new Served("flight-delay", 1, 1, 1, 1, Stage.LIVE, null, new float[]{0.5f}, outputs)))
                    .isEqualTo(now);
        }
        assertThat(
                weights(yaml, new Served("other", 1, 1, 1, 1, Stage.LIVE, null, new float[]{0.5f}, new float[]{4, -4})))
                .isEqualTo(now);
        String batches = yaml.replace("size: 1", "size: 2");
        assertThat(weights(batches, served)).startsWith(0); // one row waits
        assertThat(weights(batches, served, null)[3]).isGreaterThan(0.4);
        assertThat(weights(batches, null, null)[3]).isBetween(0.3, 0.35);
    }

    /// Of a mixture of two: t, v, v, w, w, w of their stack, and more.
    private static double[] weights(String yaml, @Nullable Served... rows) {
        EventFold fold = fold(yaml);
        for (Served served : rows) {
            assertThat(fold.fold(VALUE, headers(served, Kind.FINAL, "1", null, 1)))
                    .isInstanceOf(EventFold.Outcome.Accepted.class);
        }
        return fold.model().parameters().statistics("2.weights");
    }

    /// The label came, though the model could not learn the event.
    @Test
    void whatBecomesADeadLetterCountsTooSoThatItsCorrectionTakesOutWhatWasThere() {
        EventFold fold = fold(FLIGHTS);
        Served served = new Served("flight-delay", 1, 1, 1, 1, Stage.LIVE, null, new float[]{0.25f});
        assertThat(fold.refuse(VALUE, headers(served, Kind.FINAL, "1", null, 1),
                new Rejection(Rejection.Reason.ENDED_THE_TRAINER, "once")))
                .isInstanceOf(EventFold.Outcome.Rejected.class);
        assertThat(fold.model().served().stages()).extracting(Figures::meanLabel).containsExactly(1.0);
        fold.fold(VALUE, headers(served, Kind.CORRECTION, "0", "1", 1));
        assertThat(fold.model().served().stages()).extracting(Figures::predictions, Figures::meanLabel)
                .containsExactly(tuple(1L, 0.0));
    }

    @Test
    void classesAreMeasuredToo() {
        ModelSpec spec = ModelSpec.parse(Specs.DIGITS, "spec");
        ServedEvaluation served = new ServedEvaluation(spec);
        float[] prediction = new float[10];
        prediction[3] = 0.75f;
        prediction[4] = 0.25f;
        Served of = new Served("digits", 1, 1, 1, 1, Stage.LIVE, null, prediction);
        served.take(new ServedLabel(of, 3, Float.NaN, 1));
        served.take(new ServedLabel(of, 3, Float.NaN, 1));
        served.take(new ServedLabel(of, 4, 3, 1));
        Figures figures = served.stages().getFirst();
        assertThat(figures.predictions()).isEqualTo(2);
        assertThat(figures.logLoss()).isCloseTo(-(Math.log(0.75) + Math.log(0.25)) / 2, within(1e-7));
        assertThat(figures.brier()).isEqualTo((2 * 0.0625 + 2 * 0.5625) / 2);
        assertThat(figures.accuracy()).isEqualTo(0.5);
        assertThat(figures.meanPrediction()).isEqualTo(0.75);
        assertThat(figures.meanLabel()).isEqualTo(0.5);
        assertThat(figures.calibrationError()).isEqualTo(0.25);
        assertThat(figures.auc()).isNaN();
    }

    @Test
    void numbersAreMeasuredToo() {
        ModelSpec spec = ModelSpec.parse(Specs.FLIGHTS.replace("binary-cross-entropy", "mean-squared-error"), "spec");
        ServedEvaluation served = new ServedEvaluation(spec);
        IntStream.range(0, 4).forEach(i -> {
            Served of = new Served("flight-delay", 1, 1, 1, 1, Stage.LIVE, null, new float[]{i});
            served.take(new ServedLabel(of, 2, Float.NaN, 1));
            served.take(new ServedLabel(of, 1, 2, 1));
        });
        Figures figures = served.stages().getFirst();
        assertThat(figures.predictions()).isEqualTo(4);
        assertThat(figures.meanSquaredError()).isEqualTo((1 + 0 + 1 + 4) / 4.0);
        assertThat(figures.meanAbsoluteError()).isEqualTo(1);
        assertThat(figures.meanPrediction()).isEqualTo(1.5);
        assertThat(figures.meanLabel()).isEqualTo(1);
        assertThat(figures.logLoss()).isNaN();
    }
}
