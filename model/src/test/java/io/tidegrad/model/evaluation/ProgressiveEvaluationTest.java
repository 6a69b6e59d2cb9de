package io.tidegrad.model.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.model.Specs;
import io.tidegrad.model.spec.ModelSpec;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.FloatRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgressiveEvaluationTest {
    private static final int ROWS = 3_000;

    @Test
    void binaryMetricsAgreeWithTheirDefinitions() {
        ProgressiveEvaluation evaluation = new ProgressiveEvaluation(Specs.flights());
        SplittableRandom random = new SplittableRandom(1);
        float[] p = new float[ROWS];
        boolean[] y = new boolean[ROWS];
        double lossSum = 0;
        double priorSum = 0;
        int positives = 0;
        int correct = 0;
        int recent = 0;
        for (int i = 0; i < ROWS; i++) {
            double logit = 4 * random.nextDouble() - 3;
            p[i] = (float) (1 / (1 + Math.exp(-logit)));
            y[i] = random.nextDouble() < p[i];
            float loss = (float) -Math.log(y[i] ? p[i] : 1 - p[i]);
            evaluation.add(new float[]{9, p[i]}, 1, y[i] ? 1 : 0, loss, 1);
            lossSum += loss;
            double prior = (positives + 1.0) / (i + 2.0);
            priorSum -= Math.log(y[i] ? prior : 1 - prior);
            positives += y[i] ? 1 : 0;
            boolean right = p[i] > 0.5f == y[i];
            correct += right ? 1 : 0;
            recent += right && i >= ROWS - 2_000 ? 1 : 0;
        }
        assertThat(evaluation.rows()).isEqualTo(ROWS);
        assertThat(evaluation.logLoss()).isEqualTo(lossSum / ROWS);
        assertThat(evaluation.priorLogLoss()).isCloseTo(priorSum / ROWS, within(1e-12));
        assertThat(evaluation.accuracy()).isEqualTo((double) correct / ROWS);
        assertThat(evaluation.accuracyLast2000()).isEqualTo(recent / 2_000.0);
        double exact = bruteForceAuc(p, y);
        assertThat(evaluation.auc()).isCloseTo(exact, within(evaluation.aucErrorBound()));
        // What the bound promises at worst, and what it is: ties are split even.
        assertThat(evaluation.aucErrorBound()).isLessThan(2e-3);
        assertThat(evaluation.auc()).isCloseTo(exact, within(1e-4));
        assertThat(evaluation.meanSquaredError()).isNaN();
    }

    /// The share of (negative, positive) pairs in order, ties half.
    private static double bruteForceAuc(float[] p, boolean[] y) {
        double inOrder = 0;
        double pairs = 0;
        for (int i = 0; i < p.length; i++) {
            for (int j = 0; j < p.length; j++) {
                if (y[i] && !y[j]) {
                    pairs++;
                    inOrder += p[i] > p[j] ? 1 : p[i] == p[j] ? 0.5 : 0;
                }
            }
        }
        return inOrder / pairs;
    }

    @Property
    void binsRiseWithTheProbability(@ForAll @FloatRange(min = 0, max = 1) float a,
            @ForAll @FloatRange(min = 0, max = 1) float b) {
        for (int coarser : new int[]{0, AucHistogram.COARSE}) {
            assertThat(AucHistogram.bin(Math.min(a, b), coarser))
                    .isLessThanOrEqualTo(AucHistogram.bin(Math.max(a, b), coarser));
            assertThat(AucHistogram.bin(a, coarser)).isBetween(0, AucHistogram.bins(coarser) - 1);
            assertThat(AucHistogram.bin(0, coarser)).isLessThan(AucHistogram.bin(1, coarser));
        }
    }

    @Test
    void categoricalMetricsCompareTheLikeliestClass() {
        ProgressiveEvaluation evaluation = new ProgressiveEvaluation(ModelSpec.parse(Specs.DIGITS, "digits.yaml"));
        float[] seven = {0, 0, 0, 0, 0, 0, 0, 0.6f, 0.4f, 0};
        evaluation.add(seven, 0, 7, 0.5f, 1);
        evaluation.add(seven, 0, 8, 1f, 1);
        evaluation.add(seven, 0, 7, 0.5f, 1);
        assertThat(evaluation.accuracy()).isEqualTo(2.0 / 3);
        assertThat(evaluation.logLoss()).isEqualTo(2.0 / 3);
        assertThat(evaluation.priorLogLoss())
                .isCloseTo(-(Math.log(1 / 10.0) + Math.log(1 / 11.0) + Math.log(2 / 12.0)) / 3, within(1e-15));
        assertThat(evaluation.auc()).isNaN();
    }

    @Test
    void regressionIsComparedWithTheRunningMean() {
        ProgressiveEvaluation evaluation = new ProgressiveEvaluation(
                ModelSpec.parse(Specs.FLIGHTS.replace("binary-cross-entropy", "mean-squared-error"), "r.yaml"));
        evaluation.add(new float[]{1}, 0, 3, 4, 1);
        evaluation.add(new float[]{4}, 0, 5, 1, 1);
        assertThat(evaluation.meanSquaredError()).isEqualTo(2.5);
        assertThat(evaluation.meanAbsoluteError()).isEqualTo(1.5);
        assertThat(evaluation.priorMeanSquaredError()).isEqualTo((9 + 4) / 2.0);
        assertThat(evaluation.logLoss()).isNaN();
        assertThat(evaluation.accuracy()).isNaN();
    }

    private static ProgressiveEvaluation ofLoss(String loss, int outputs) {
        String spec =
                Specs.FLIGHTS.replace("dense: 1 ]", "dense: " + outputs + " ]").replace("binary-cross-entropy", loss);
        assertThat(spec).contains(loss).contains("dense: " + outputs + " ]");
        return new ProgressiveEvaluation(ModelSpec.parse(spec, "loss.yaml"));
    }

    /// Whatever is learned, what is reported is the error.
    @ParameterizedTest
    @ValueSource(strings = {"mean-absolute-error", "huber", "poisson"})
    void everyRegressionReportsItsErrors(String loss) {
        ProgressiveEvaluation evaluation = ofLoss(loss, 1);
        evaluation.add(new float[]{1}, 0, 3, 77, 1);
        evaluation.add(new float[]{4}, 0, 5, 77, 1);
        assertThat(evaluation.meanSquaredError()).isEqualTo(2.5);
        assertThat(evaluation.meanAbsoluteError()).isEqualTo(1.5);
        assertThat(evaluation.priorMeanSquaredError()).isEqualTo((9 + 4) / 2.0);
    }

    @Test
    void theQuantileNearestToTheMedianStandsForTheValue() {
        ProgressiveEvaluation evaluation = ofLoss("{ quantile: { quantiles: [0.1, 0.6, 0.9] } }", 3);
        evaluation.add(new float[]{9, 0, 1, 2}, 1, 4, 77, 1);
        assertThat(evaluation.meanSquaredError()).isEqualTo(9);
        assertThat(evaluation.meanAbsoluteError()).isEqualTo(3);
    }

    @Test
    void marginsAreComparedBySignAndInOrder() {
        ProgressiveEvaluation evaluation = ofLoss("hinge", 1);
        evaluation.add(new float[]{2}, 0, 1, 0, 1);
        evaluation.add(new float[]{0.5f}, 0, -1, 1.5f, 1);
        evaluation.add(new float[]{-1}, 0, -1, 0, 1);
        assertThat(evaluation.accuracy()).isEqualTo(2.0 / 3);
        assertThat(evaluation.auc()).isEqualTo(1);
        assertThat(evaluation.logLoss()).isNaN();
        assertThat(evaluation.priorLogLoss()).isNaN();
        assertThat(evaluation.meanSquaredError()).isNaN();
    }

    /// Weights and smoothing change what is learned, not what a log loss is.
    @Test
    void theLogLossIsOfWhatHappenedWhateverTheLossAdds() {
        ProgressiveEvaluation weighted = ofLoss("{ binary-cross-entropy: { positive-weight: 4 } }", 1);
        weighted.add(new float[]{0.5f}, 0, 1, 4 * 0.75f, 1);
        weighted.add(new float[]{0.5f}, 0, 0, 0.25f, 1);
        assertThat(weighted.logLoss()).isEqualTo(0.5);

        ProgressiveEvaluation smoothed = ofLoss("{ categorical-cross-entropy: { label-smoothing: 0.1 } }", 3);
        smoothed.add(new float[]{0.5f, 0.25f, 0.25f}, 0, 1, 77, 1);
        assertThat(smoothed.logLoss()).isEqualTo(Math.log(4));
    }

    @Test
    void nothingIsKnownBeforeTheFirstRow() {
        ProgressiveEvaluation evaluation = new ProgressiveEvaluation(Specs.flights());
        assertThat(evaluation.logLoss()).isNaN();
        assertThat(evaluation.accuracyLast2000()).isNaN();
        assertThat(evaluation.auc()).isNaN();
    }

    @Test
    void aRowOfWeightTwoCountsAsTwoRows() {
        ModelSpec plain = Specs.flights();
        ModelSpec weighted = ModelSpec.parse(Specs.FLIGHTS + "weight: { field: passengers }\n", "weighted.yaml");
        ProgressiveEvaluation twice = new ProgressiveEvaluation(plain);
        ProgressiveEvaluation once = new ProgressiveEvaluation(weighted);
        float[] predictions = {0.9f, 0.2f, 0.6f, 0.55f};
        float[] labels = {1, 0, 0, 1};
        int[] weights = {2, 1, 3, 2};
        for (int row = 0; row < labels.length; row++) {
            float loss = 0.1f * row;
            once.add(predictions, row, labels[row], loss, weights[row]);
            for (int i = 0; i < weights[row]; i++) {
                twice.add(predictions, row, labels[row], loss, 1);
            }
        }
        assertThat(once.rows()).isEqualTo(4);
        assertThat(once.logLoss()).isCloseTo(twice.logLoss(), within(1e-12));
        assertThat(once.accuracy()).isEqualTo(twice.accuracy()).isEqualTo(5.0 / 8);
        assertThat(once.auc()).isEqualTo(twice.auc());
        // The prior of a row is that of the rows before it, so a row that stands for two knows
        // less.
        double prior = -2 * Math.log(1 / 2.0) - Math.log(1 / 4.0) - 3 * Math.log(2 / 5.0) - 2 * Math.log(3 / 8.0);
        assertThat(once.priorLogLoss()).isCloseTo(prior / 8, within(1e-12));
    }
}
