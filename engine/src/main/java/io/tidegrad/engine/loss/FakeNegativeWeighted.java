package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.ScalarMath;
import org.jspecify.annotations.Nullable;

/// Binary cross-entropy for labels that come late: the fake-negative-weighted loss of S. I. Ktena et al., Addressing
/// Delayed Feedback for Continuous Training with Neural Networks in CTR Prediction, 2019. There every event is learned
/// at once, as a negative of weight (1 - p) (1 + p), and each positive once more when its label comes, as a positive of
/// weight 1 + p. p is the prediction; in a weight it counts as a constant.
///
/// A row has two labels: its own, 0 or 1, and the one that it replaces, or `FIRST`. A first row that is positive is both
/// rows of the paper. A correction to 1 is the paper's second row, and one to 0 takes that row back.
public record FakeNegativeWeighted() implements Loss {
    /// The second label of a row that replaces none.
    public static final float FIRST = -1;

    @Override
    public int labels(int lines, int width) {
        return 2;
    }

    @Override
    public Link link() {
        return Link.LOGIT;
    }

    @Override
    public @Nullable String mismatch(int lines, int width) {
        return lines * width == 1 ? null : "expected 1 output of the network, found " + lines * width;
    }

    @Override
    public LossPass bind(int maxRows, int lines, int width) {
        return new Pass(new BinaryCrossEntropy());
    }

    private record Pass(BinaryCrossEntropy crossEntropy) implements LossPass {
        @Override
        public void losses(int rows, float[] y, int at, int stride, float[] labels, RowLosses to) {
            for (int row = 0; row < rows; row++) {
                float z = y[at + row * stride];
                float label = labels[2 * row];
                float old = labels[2 * row + 1];
                boolean valid = isLabel(label) && (isLabel(old) || old == FIRST);
                double loss = valid ? crossEntropy.loss(z, label, 0) : Double.NaN;
                to.set(row, loss, valid ? weight(ScalarMath.sigmoid(z), label, old) : 1, 1);
            }
        }

        private static boolean isLabel(float label) {
            return label == 0 || label == 1;
        }

        /// The factor of p - y in the row's slope.
        private static double weight(float p, float label, float old) {
            float both = (1 - p) * (1 + p);
            if (old == FIRST) {
                return both;
            }
            return old == label ? 0 : label == 1 ? 1 + p : both / Math.max(p, Float.MIN_NORMAL);
        }

        /// With d = (1 - p) (1 + p): dz = w d (p - y) of a first row, which is what the paper's rows add up to. Of a
        /// correction dz = w d (y_old - y), the difference of two such: to 1 that is (1 + p) (p - 1).
        @Override
        public void gradient(int rows, float[] predictions, float[] labels, float[] sampleWeights, float[] dy, int dyAt,
                int dyStride) {
            for (int row = 0; row < rows; row++) {
                float p = predictions[row];
                float label = labels[2 * row];
                float old = labels[2 * row + 1];
                float slope = (1 - p) * (1 + p) * ((old == FIRST ? p : old) - label);
                dy[dyAt + row * dyStride] = sampleWeights[row] * slope;
            }
        }
    }
}
