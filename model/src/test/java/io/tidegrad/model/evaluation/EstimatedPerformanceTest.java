package io.tidegrad.model.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.model.evaluation.EstimatedPerformance.Comparison;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What is estimated without labels, beside the labels, and beside sums over a list.
class EstimatedPerformanceTest {
    private static final MetricTask TASK = MetricTask.binary(Math.nextUp(0.5f));

    private final SplittableRandom random = new SplittableRandom(9);

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    private static EstimatedPerformance estimate(MetricTask task, EventWindow newest) {
        return Objects.requireNonNull(EstimatedPerformance.of(task, newest));
    }

    /// Labels of events around 0, then 20,000 events around `center` whose labels are out.
    ///
    /// @param confidence of the model; 1 is calibrated
    /// @param truth how likely yes is by an event's x, once labels are out
    private Comparison compared(int labels, double center, double confidence, DoubleUnaryOperator truth) {
        EventWindow newest = new EventWindow(TASK, labels, false);
        for (int i = 0; i < labels; i++) {
            double x = random.nextGaussian() * 1.5;
            newest.add(new float[]{(float) sigmoid(confidence * x)}, 0, random.nextDouble() < sigmoid(x) ? 1 : 0, 1);
        }
        EstimatedPerformance estimate = estimate(TASK, newest);
        for (int i = 0; i < 20_000; i++) {
            double x = center + random.nextGaussian() * 1.5;
            float[] prediction = {(float) sigmoid(confidence * x)};
            estimate.add(prediction, 0, 1);
            estimate.labelled(prediction, 0, random.nextDouble() < truth.applyAsDouble(x) ? 1 : 0, 1);
        }
        return estimate.compared();
    }

    /// As docs/backtest.md promises.
    @ParameterizedTest
    @CsvSource({"2000, 0, 1, 0.06", "2000, 1.5, 2, 0.06", "2000, -2, 2, 0.06", "20000, 0, 1, 0.035",
        "20000, 1.5, 1, 0.035", "20000, -2, 1, 0.035", "20000, 1.5, 0.5, 0.035", "20000, 1.5, 2, 0.035",
        "20000, -2, 2, 0.035"})
    void otherEventsAreEstimatedWell(int labels, double center, double confidence, double within) {
        Comparison compared = compared(labels, center, confidence, EstimatedPerformanceTest::sigmoid);
        System.out.printf(
                "%d labels, around %.1f, confidence %.1f: log loss estimated %.4f, realized %.4f; AUC %.4f, %.4f%n",
                labels, center, confidence, compared.estimated().get("log_loss"), compared.realized().get("log_loss"),
                compared.estimated().get("auc"), compared.realized().get("auc"));
        assertThat(compared.predictions()).isEqualTo(20_000);
        assertThat(compared.estimated().keySet()).isEqualTo(compared.realized().keySet()).contains("log_loss", "auc",
                "accuracy", "brier_score", "recall");
        for (String measure : List.of("log_loss", "auc", "brier_score", "accuracy", "mean_label")) {
            assertThat(compared.estimated().get(measure)).as(measure).isCloseTo(compared.realized().get(measure),
                    within(within));
        }
    }

    @Test
    void otherLabelsForTheSameEventsAreNotSeen() {
        Comparison compared = compared(20_000, 0, 1, x -> sigmoid(-x));
        assertThat(compared.estimated().get("accuracy")).isGreaterThan(0.7);
        assertThat(compared.realized().get("accuracy")).isLessThan(0.3);
        assertThat(compared.estimated().get("log_loss"))
                .isLessThan(Objects.requireNonNull(compared.realized().get("log_loss")) - 0.5);
    }

    private static double onLine(double[] line, double p) {
        return sigmoid(line[0] + line[1] * Math.log(p / (1 - p)));
    }

    /// The line through log-odds with the least penalised loss, by steps to the sides that get ever smaller.
    private static double[] line(List<double[]> labels) {
        double[] line = {0, 1};
        for (double step = 1; step > 1e-9;) {
            double[] best = line;
            for (double[] side : new double[][]{{step, 0}, {-step, 0}, {0, step}, {0, -step}}) {
                double[] tried = {line[0] + side[0], line[1] + side[1]};
                best = penalised(tried, labels) < penalised(best, labels) ? tried : best;
            }
            step = best == line ? step / 2 : step;
            line = best;
        }
        return line;
    }

    private static double penalised(double[] line, List<double[]> labels) {
        double loss = 5 * (line[0] * line[0] + (line[1] - 1) * (line[1] - 1));
        for (double[] label : labels) {
            double p = onLine(line, label[0]);
            loss -= Math.log(label[1] > 0 ? p : 1 - p);
        }
        return loss;
    }

    /// Sums over a list of (p, q), and over all pairs.
    @Test
    void anEstimateIsWhatIsExpectedOfTheCalibratedProbabilities() {
        EventWindow newest = new EventWindow(TASK, 20_000, false);
        List<double[]> labels = new ArrayList<>(); // (p, y)
        for (int i = 0; i < 500; i++) {
            float p = random.nextInt(1, 32) / 32f;
            int label = random.nextDouble() < p * p ? 1 : 0;
            newest.add(new float[]{p}, 0, label, 1);
            labels.add(new double[]{p, label});
        }
        double[] line = line(labels);
        double[][] tenths = new double[10][3];
        for (double[] label : labels) {
            double p = onLine(line, label[0]);
            double[] tenth = tenths[Math.min(9, (int) (10 * p))];
            tenth[0]++;
            tenth[1] += p;
            tenth[2] += label[1];
        }
        EstimatedPerformance estimate = estimate(TASK, newest);
        List<double[]> pairs = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            double p = random.nextInt(1, 32) / 32.0;
            estimate.add(new float[]{(float) p}, 0, 2);
            double q = onLine(line, p);
            double[] tenth = tenths[Math.min(9, (int) (10 * q))];
            double mean = tenth[1] / tenth[0];
            double happened = (tenth[2] + 10 * mean) / (tenth[0] + 10);
            pairs.add(new double[]{p, q < 0.5 ? q * happened / mean : 1 - (1 - q) * (1 - happened) / (1 - mean)});
        }
        double loss = 0;
        double right = 0;
        double inOrder = 0;
        double all = 0;
        for (double[] yes : pairs) {
            loss -= yes[1] * Math.log(yes[0]) + (1 - yes[1]) * Math.log(1 - yes[0]);
            right += yes[0] > 0.5 ? yes[1] : 1 - yes[1];
            for (double[] no : pairs) {
                inOrder += yes[1] * (1 - no[1]) * (yes[0] > no[0] ? 1 : yes[0] == no[0] ? 0.5 : 0);
                all += yes[1] * (1 - no[1]);
            }
        }
        Map<String, Double> found = estimate.compared().estimated();
        assertThat(found.get("log_loss")).isCloseTo(loss / 400, within(1e-5));
        assertThat(found.get("accuracy")).isCloseTo(right / 400, within(1e-6));
        assertThat(found.get("auc")).isCloseTo(inOrder / all, within(1e-5));
        assertThat(found.get("mean_label")).isCloseTo(pairs.stream().mapToDouble(pair -> pair[1]).sum() / 400,
                within(1e-6));
    }

    @Test
    void ofClassesTheLikeliestOneIsCalibrated() {
        MetricTask task = MetricTask.categorical(3);
        EventWindow newest = new EventWindow(task, 20_000, false);
        EstimatedPerformance estimate = null;
        for (int i = 0; i < 40_000; i++) {
            float[] prediction = new float[3];
            float sum = 0;
            for (int label = 0; label < 3; label++) {
                prediction[label] = (float) Math.exp(2 * random.nextGaussian());
                sum += prediction[label];
            }
            for (int label = 0; label < 3; label++) {
                prediction[label] /= sum;
            }
            // Where the model is sure, a label is drawn in one of five cases.
            double at = random.nextInt(5) == 0 ? random.nextDouble() : Double.NaN;
            double p = random.nextDouble();
            int label = Double.isNaN(at) ? p < prediction[0] ? 0 : p < prediction[0] + prediction[1] ? 1 : 2
                    : (int) (3 * at);
            if (i < 20_000) {
                newest.add(prediction, 0, label, 1);
            } else {
                estimate = estimate == null ? estimate(task, newest) : estimate;
                estimate.add(prediction, 0, 1);
                estimate.labelled(prediction, 0, label, 1);
            }
        }
        Comparison compared = Objects.requireNonNull(estimate).compared();
        assertThat(compared.estimated().get("accuracy")).isCloseTo(compared.realized().get("accuracy"), within(0.02));
        assertThat(compared.estimated().get("log_loss")).isCloseTo(compared.realized().get("log_loss"), within(0.12));
    }

    @Test
    void numbersMarginsAndTheFirstPredictionsHaveNoEstimate() {
        assertThat(EstimatedPerformance.of(TASK, new EventWindow(TASK, 10, false))).isNull();
        for (MetricTask task : List.of(MetricTask.regression(), new MetricTask(MetricTask.Kind.MARGIN, 1, 0, 0))) {
            EventWindow newest = new EventWindow(task, 20_000, false);
            newest.add(new float[]{1}, 0, 1, 1);
            assertThat(EstimatedPerformance.of(task, newest)).isNull();
        }
    }
}
