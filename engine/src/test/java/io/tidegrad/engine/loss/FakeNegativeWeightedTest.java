package io.tidegrad.engine.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Sgd;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The loss against the rows of the paper, in doubles: each event a negative at once, each positive a row more.
class FakeNegativeWeightedTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final float FIRST = FakeNegativeWeighted.FIRST;

    /// A row of the paper.
    private record PaperRow(double weight, int label) {
        double loss(double z) {
            return weight * (label == 1 ? Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z)));
        }
    }

    private static double probability(double z) {
        return 1 / (1 + Math.exp(-z));
    }

    /// What the paper learns of an example when `p` is predicted.
    private static List<PaperRow> paper(double p, float label, float old) {
        List<PaperRow> rows = new ArrayList<>();
        if (old == FIRST) {
            rows.add(new PaperRow((1 - p) * (1 + p), 0));
        }
        if (label == 1 && old != 1) {
            rows.add(new PaperRow(1 + p, 1));
        } else if (label == 0 && old == 1) {
            rows.add(new PaperRow(-(1 + p), 1)); // not in the paper: its positives stay positive
        }
        return rows;
    }

    private static double loss(List<PaperRow> rows, double z) {
        return rows.stream().mapToDouble(row -> row.loss(z)).sum();
    }

    private static BatchLoss compared(float[] z, float... labels) {
        BatchLoss loss = new BatchLoss(new FakeNegativeWeighted(), Reduction.MEAN, z.length, 1, 1);
        loss.compare(KERNELS, z.length, z, 0, 1, labels);
        return loss;
    }

    @ParameterizedTest
    @CsvSource({"0, -1", "1, -1", "1, 0", "0, 1", "0, 0", "1, 1"})
    void theSlopeIsThatOfThePapersRowsWithWeightsAsConstants(float label, float old) {
        for (float z = -6; z <= 6; z += 0.25f) {
            BatchLoss loss = compared(new float[]{z}, label, old);
            float[] dy = new float[1];
            loss.gradient(1, new float[]{label, old}, new float[]{3}, dy, 0, 1);

            List<PaperRow> rows = paper(probability(z), label, old);
            double h = 1e-5;
            double slope = (loss(rows, z + h) - loss(rows, z - h)) / (2 * h);
            assertThat((double) dy[0]).as("z = %s", z).isCloseTo(3 * slope, within(1e-5));
            // What is reported is the cross-entropy; the weight makes its slope the learned one.
            double p = probability(z);
            double plain = label == 1 ? -Math.log(p) : -Math.log1p(-p);
            assertThat((double) loss.rowLosses()[0]).isCloseTo(plain, within(1e-5));
            assertThat(loss.reduce(1, new float[]{3})).isCloseTo(3 * plain * slope / (p - label), within(2e-4));
        }
    }

    /// Weights from a sum of the paper's rows, each with its own gradient, by gradient descent in doubles.
    @ParameterizedTest
    @ValueSource(ints = {1, 7})
    void fourHundredRowsTeachTheWeightsThatThePapersRowsTeach(int batchSize) {
        int width = 3;
        double rate = 0.2;
        Parameters parameters = Parameters.initial(Plan.of(new NetworkSpec(new RowShape(width, 0, 2),
                new Sequence(new Numbers(0, width), new Dense(1)), new FakeNegativeWeighted(), new Sgd(rate), 5)));
        Learner learner = new Learner(parameters, KERNELS, batchSize);
        double[] w = new double[width + 1];
        for (int i = 0; i < width; i++) {
            w[i] = parameters.weights("1.weight")[i];
        }
        Random random = new Random(9);
        Batch batch = new Batch(parameters.plan().spec().row(), batchSize);
        for (int row = 0; row < 400; row += batchSize) {
            batch.resize(batchSize);
            double[] step = new double[width + 1];
            for (int r = 0; r < batchSize; r++) {
                float label = random.nextInt(2);
                float old = random.nextInt(3) == 0 ? 1 - label : FIRST;
                batch.labels[2 * r] = label;
                batch.labels[2 * r + 1] = old;
                batch.sampleWeights[r] = 0.5f + random.nextFloat();
                double z = w[width];
                for (int i = 0; i < width; i++) {
                    batch.numbers[r * width + i] = (float) random.nextGaussian();
                    z += w[i] * batch.numbers[r * width + i];
                }
                double p = probability(z);
                double slope = 0;
                for (PaperRow each : paper(p, label, old)) {
                    slope += each.weight * (p - each.label);
                }
                for (int i = 0; i <= width; i++) {
                    step[i] += batch.sampleWeights[r] * slope * (i == width ? 1 : batch.numbers[r * width + i]);
                }
            }
            learner.learn(batch);
            for (int i = 0; i <= width; i++) {
                w[i] -= rate * step[i] / batchSize;
            }
        }
        for (int i = 0; i < width; i++) {
            assertThat((double) parameters.weights("1.weight")[i]).isCloseTo(w[i], within(2e-5));
        }
        assertThat((double) parameters.weights("1.bias")[0]).isCloseTo(w[width], within(2e-5));
    }

    @Test
    void predictionsAtTheEndOfFloatsGiveFiniteLossesAndSlopes() {
        for (float z : new float[]{-200, -100, -88, 88, 200}) {
            for (float[] labels : new float[][]{{0, FIRST}, {1, FIRST}, {1, 0}, {0, 1}, {1, 1}, {0, 0}}) {
                BatchLoss loss = compared(new float[]{z}, labels);
                float[] dy = new float[1];
                loss.gradient(1, labels, new float[]{1}, dy, 0, 1);
                assertThat(loss.reduce(1, new float[]{1})).as("z = %s", z).isFinite();
                assertThat(dy[0]).isBetween(-1f, 1f);
            }
        }
    }

    @Test
    void aLabelThatIsNoneMakesTheLossNaN() {
        for (float[] labels : new float[][]{{0.5f, FIRST}, {2, FIRST}, {Float.NaN, 0}, {1, 0.5f}, {1, Float.NaN}}) {
            assertThat(compared(new float[]{0.5f}, labels).reduce(1, new float[]{1})).isNaN();
        }
    }

    @Test
    void moreThanOneOutputIsRefused() {
        assertThatThrownBy(() -> new BatchLoss(new FakeNegativeWeighted(), Reduction.MEAN, 1, 1, 2))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("expected 1 output of the network, found 2");
    }
}
