package io.tidegrad.engine.loss;

/// The arithmetic of a loss, bound to a shape. It has its own scratch, so each learner needs its own. Allocates
/// nothing.
interface LossPass {
    /// Elements of a row with count 1, by which `Reduction.SUM` multiplies the row's mean.
    int elements();

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
}
