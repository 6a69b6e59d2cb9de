package io.tidegrad.engine.loss;

/// A loss bound to a shape: its arithmetic, with scratch of its own, so one a learner. Allocates nothing.
interface LossPass {
    /// Elements of a row for which it counts 1: what a sum multiplies a row's mean with.
    int elements();

    /// Each row's loss, weight and count.
    ///
    /// @param y (rows, lines, width), as the network puts it out
    /// @param labels (rows, labels)
    void losses(int rows, float[] y, int at, int stride, float[] labels, RowLosses to);

    /// dy = the gradient of Σ w_i m_i l_i, for the rows that `losses` was last called with.
    ///
    /// @param predictions what `Loss.predict` made of them
    /// @param sampleWeights w, (rows)
    /// @param dy (rows, lines, width), laid out as y
    void gradient(int rows, float[] predictions, float[] labels, float[] sampleWeights, float[] dy, int dyAt,
            int dyStride);
}
