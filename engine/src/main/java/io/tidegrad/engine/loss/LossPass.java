package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.ScalarMath;

/// The arithmetic of a loss, bound to a shape. It has its own scratch, so each learner needs its own. Allocates
/// nothing.
interface LossPass {
    /// Elements of a row with count 1, by which `Reduction.SUM` multiplies the row's mean.
    default int elements() {
        return 1;
    }

    /// Computes each row's loss, weight and count.
    ///
    /// @param y the network's output, (rows, lines, width)
    /// @param labels (rows, labels)
    void losses(int rows, float[] y, int at, int stride, float[] labels, RowLosses to);

    /// dy = the gradient of Σ w_i m_i l_i, for the rows that `losses` was last called with.
    ///
    /// @param predictions the predictions by `Loss.predict`
    /// @param sampleWeights w, (rows)
    /// @param dy (rows, lines, width), laid out as y
    void gradient(int rows, float[] predictions, float[] labels, float[] sampleWeights, float[] dy, int dyAt,
            int dyStride);

    /// The logarithm of a softmax's denominator, by which ln p_k = z_k - this: ln Σ_k e^z_k = max + ln Σ_k e^(z_k -
    /// max), so that nothing overflows.
    static double logSumExp(float[] z, int at, int classes) {
        float max = z[at];
        for (int k = 1; k < classes; k++) {
            max = Math.max(max, z[at + k]);
        }
        float sum = 0;
        for (int k = 0; k < classes; k++) {
            sum += ScalarMath.exp(z[at + k] - max);
        }
        return (double) max + ScalarMath.log(sum);
    }
}
