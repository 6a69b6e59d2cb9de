package io.tidegrad.model.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A window says of its events what the same events say alone.
class MetricWindowsTest {
    private static final List<ToDoubleFunction<MetricSums>> MEASURES =
            List.of(MetricSums::predictions, MetricSums::logLoss, MetricSums::brier, MetricSums::accuracy,
                    MetricSums::normalisedEntropy, MetricSums::meanPrediction, MetricSums::meanLabel,
                    MetricSums::calibrationError, MetricSums::calibrationBias, MetricSums::calibrationRatio,
                    MetricSums::calibrationSlope, MetricSums::meanSquaredError, MetricSums::rootMeanSquaredError,
                    MetricSums::meanAbsoluteError, MetricSums::rSquared, sums -> counts(sums, ClassCounts::macroF1),
                    sums -> counts(sums, counts -> counts.precision(counts.classes() - 1)),
                    sums -> counts(sums, counts -> counts.recall(0)));

    private static double counts(MetricSums sums, ToDoubleFunction<ClassCounts> of) {
        ClassCounts counts = sums.counts();
        return counts == null ? Double.NaN : of.applyAsDouble(counts);
    }

    private record Event(long time, float[] prediction, float label, float weight) {
    }

    private final SplittableRandom random = new SplittableRandom(11);

    static List<MetricTask> tasks() {
        return List.of(MetricTask.binary(0.5f), new MetricTask(MetricTask.Kind.MARGIN, 1, 0, 0),
                MetricTask.categorical(4), MetricTask.regression(),
                new MetricTask(MetricTask.Kind.REGRESSION, 3, 1, 0));
    }

    private Event event(MetricTask task, long time) {
        float[] prediction = new float[task.outputs()];
        double sum = 0;
        for (int i = 0; i < prediction.length; i++) {
            prediction[i] = random.nextInt(1, 32) / 32f;
            sum += prediction[i];
        }
        for (int i = 0; i < prediction.length && task.kind() == MetricTask.Kind.CATEGORICAL; i++) {
            prediction[i] /= (float) sum;
        }
        float label = switch (task.kind()) {
            case BINARY -> random.nextInt(2);
            case MARGIN -> 2 * random.nextInt(2) - 1;
            case CATEGORICAL -> random.nextInt(3); // the last class never happens
            default -> random.nextInt(-100, 100) / 8f;
        };
        return new Event(time, prediction, label, random.nextInt(1, 4));
    }

    private static MetricSums alone(MetricTask task, Iterable<Event> events) {
        MetricSums sums = new MetricSums(task, false, true);
        events.forEach(each -> sums.add(each.prediction, 0, each.label, each.weight, 1));
        return sums;
    }

    private static void assertSame(MetricSums found, MetricSums expected) {
        for (ToDoubleFunction<MetricSums> measure : MEASURES) {
            double want = measure.applyAsDouble(expected);
            if (Double.isNaN(want)) {
                assertThat(measure.applyAsDouble(found)).isNaN();
            } else {
                assertThat(measure.applyAsDouble(found)).isCloseTo(want, within(1e-7 * Math.max(1, Math.abs(want))));
            }
        }
    }

    private static BinaryReader written(Consumer<BinaryWriter> write) {
        BinaryWriter to = new BinaryWriter("TEST", 1, 64);
        write.accept(to);
        return new BinaryReader(to.seal(), "a test", "TEST", 1, IllegalArgumentException::new);
    }

    @ParameterizedTest
    @MethodSource("tasks")
    void aWindowOfEventsHoldsTheNewestOnes(MetricTask task) {
        EventWindow window = new EventWindow(task, 20, true);
        Deque<Event> newest = new ArrayDeque<>();
        assertSame(window.sums(), alone(task, newest));
        for (int i = 0; i < 70; i++) {
            Event event = event(task, i);
            window.add(event.prediction, 0, event.label, event.weight);
            newest.add(event);
            if (newest.size() > 20) {
                newest.removeFirst();
            }
            assertThat(window.size()).isEqualTo(newest.size());
            assertSame(window.sums(), alone(task, newest));
            EventWindow restored = new EventWindow(task, 20, true);
            restored.read(written(window::write));
            window = restored;
        }
    }

    /// The probability of yes or of the likeliest class, and whether it came.
    private static double[] probability(MetricTask task, Event event) {
        int likeliest = task.likeliest(event.prediction, 0);
        return task.kind() == MetricTask.Kind.BINARY ? new double[]{event.prediction[0], event.label}
                : new double[]{event.prediction[likeliest], event.label == likeliest ? 1 : 0};
    }

    @ParameterizedTest
    @MethodSource("tasks")
    void aTenthHasTheMeansOfItsOwnPredictionsAndLabels(MetricTask task) {
        EventWindow window = new EventWindow(task, 40, true);
        List<Event> all = new ArrayList<>();
        int empty = 0;
        for (int i = 0; i < 100; i++) {
            all.add(event(task, i));
            window.add(all.getLast().prediction, 0, all.getLast().label, all.getLast().weight);
            MetricSums sums = window.sums();
            for (int tenth = 0; tenth < 10; tenth++) {
                double weights = 0;
                double predictions = 0;
                double labels = 0;
                for (Event each : all.subList(Math.max(0, all.size() - 40), all.size())) {
                    double[] found = probability(task, each);
                    if (task.givesProbabilities() && Math.min(9, (int) (10 * found[0])) == tenth) {
                        weights += each.weight;
                        predictions += each.weight * found[0];
                        labels += each.weight * found[1];
                    }
                }
                if (weights == 0) {
                    empty++;
                    assertThat(sums.meanPredictionOfTenth(tenth)).isNaN();
                    assertThat(sums.meanLabelOfTenth(tenth)).isNaN();
                } else {
                    assertThat(sums.meanPredictionOfTenth(tenth)).isCloseTo(predictions / weights, within(1e-7));
                    assertThat(sums.meanLabelOfTenth(tenth)).isEqualTo(labels / weights);
                }
            }
        }
        assertThat(empty).isBetween(1, 1_000);
    }

    private static double area(List<Event> events, List<Float> scores) {
        double inOrder = 0;
        double pairs = 0;
        for (int yes = 0; yes < events.size(); yes++) {
            for (int no = 0; no < events.size(); no++) {
                if (events.get(yes).label > 0 && events.get(no).label <= 0) {
                    double weight = events.get(yes).weight * events.get(no).weight;
                    pairs += weight;
                    inOrder += weight * (1 + Math.signum(scores.get(yes) - scores.get(no))) / 2;
                }
            }
        }
        return inOrder / pairs;
    }

    /// With ties, restarts, and some that nobody knows.
    @ParameterizedTest
    @MethodSource("tasks")
    void theAreaUnderTheLinearModelsCurveIsThatOfTheWindow(MetricTask task) {
        EventWindow window = new EventWindow(task, 20, true);
        List<Event> all = new ArrayList<>();
        List<Float> scores = new ArrayList<>();
        int known = 0;
        for (int i = 0; i < 90; i++) {
            all.add(event(task, i));
            scores.add(i < 5 || i == 50 ? Float.NaN : random.nextInt(-3, 4));
            window.add(all.getLast().prediction, 0, all.getLast().label, all.getLast().weight, scores.getLast());
            int from = Math.max(0, all.size() - 20);
            double expected = area(all.subList(from, i + 1), scores.subList(from, i + 1));
            if (Double.isNaN(expected) || !task.isOfYesOrNo()) {
                assertThat(window.linearAuc()).isNaN();
            } else {
                known++;
                assertThat(window.linearAuc()).isCloseTo(expected, within(1e-12));
            }
            EventWindow restored = new EventWindow(task, 20, true);
            restored.read(written(window::write));
            if (task.isOfYesOrNo()) {
                assertThat(restored.linearAuc()).isNaN();
            }
            restored.readLinear(written(window::writeLinear));
            window = restored;
        }
        assertThat(known).isEqualTo(task.isOfYesOrNo() ? 90 - 24 - 20 : 0);
    }

    @ParameterizedTest
    @MethodSource("tasks")
    void aWindowOfTimeHoldsTheNewestSlots(MetricTask task) {
        TimeWindow window = new TimeWindow(task, Duration.ofSeconds(10), 5);
        List<Event> all = new ArrayList<>();
        assertSame(window.newest().sums(), alone(task, all));
        long time = -30_000;
        long newest = Long.MIN_VALUE;
        for (int i = 0; i < 200; i++) {
            time += random.nextInt(50) == 0 ? 60_000 : random.nextInt(-1_500, 2_000);
            long slot = Math.floorDiv(time, 2_000L);
            newest = Math.max(newest, slot);
            Event event = event(task, time);
            boolean inTime = slot > newest - 5;
            window.moveTo(2_000 * newest);
            assertThat(window.add(time, event.prediction, 0, event.label, event.weight, Double.NaN)).isEqualTo(inTime);
            all.add(event);
            long first = newest - 4;
            assertSame(window.newest().sums(),
                    alone(task, all.stream().filter(each -> Math.floorDiv(each.time, 2_000L) >= first).toList()));
            TimeWindow restored = new TimeWindow(task, Duration.ofSeconds(10), 5);
            restored.read(written(window::write));
            window = restored;
        }
    }

    @ParameterizedTest
    @MethodSource("tasks")
    void whatIsTakenOutAgainLeavesNothing(MetricTask task) {
        MetricSums sums = new MetricSums(task, true, true);
        List<Event> kept = new ArrayList<>();
        List<Event> gone = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            Event event = event(task, i);
            (i % 3 == 0 ? gone : kept).add(event);
            sums.add(event.prediction, 0, event.label, event.weight, 1);
        }
        gone.forEach(each -> sums.add(each.prediction, 0, each.label, -each.weight, -1));
        assertSame(sums, alone(task, kept));
    }

    @Test
    void theSlopeTellsProbabilitiesThatAreTooExtreme() {
        MetricSums calibrated = new MetricSums(MetricTask.binary(0.5f), false, false);
        MetricSums extreme = new MetricSums(MetricTask.binary(0.5f), false, false);
        for (int i = 0; i < 10; i++) {
            // Of ten events a fifth and four fifths are yes; once that is what is said, once 0.05 and 0.95.
            calibrated.add(new float[]{0.2f}, 0, i < 2 ? 1 : 0, 1, 1);
            calibrated.add(new float[]{0.8f}, 0, i < 8 ? 1 : 0, 1, 1);
            extreme.add(new float[]{0.05f}, 0, i < 2 ? 1 : 0, 1, 1);
            extreme.add(new float[]{0.95f}, 0, i < 8 ? 1 : 0, 1, 1);
        }
        assertThat(calibrated.calibrationSlope()).isCloseTo(1, within(1e-6));
        assertThat(calibrated.calibrationError()).isCloseTo(0, within(1e-6));
        assertThat(extreme.calibrationSlope()).isCloseTo(0.6 / 0.9, within(1e-6));
        assertThat(extreme.calibrationError()).isCloseTo(0.15, within(1e-6));
        assertThat(extreme.calibrationBias()).isCloseTo(0, within(1e-6));
    }

    @Test
    void sizesThatCanNotBeAreRefused() {
        assertThatThrownBy(() -> new TimeWindow(MetricTask.regression(), Duration.ofMillis(10), 3))
                .hasMessage("expected a span of whole milliseconds for each of 3 slots, found PT0.01S");
        assertThatThrownBy(() -> new FadingMean(0))
                .hasMessage("expected a fading factor above 0, at most 1, found 0.0");
        EventWindow window = new EventWindow(MetricTask.regression(), 20, false);
        window.add(new float[1], 0, 1, 1);
        assertThatThrownBy(
                () -> new EventWindow(MetricTask.regression(), 1, false).read(written(to -> to.int32(2).int32(0))))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
