package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.Kernels;

/// Compares predictions with labels. With l_i the mean over the outputs of row i and w_i its sample weight, the loss of a
/// batch of N rows is Σ w_i l_i / N; gradients are those of Σ w_i l_i: the 1 / N is applied with the optimizer.
///
/// `y` is what the network puts out, (rows, outputs), element (row, output) at `at + row * stride + output`. Predictions
/// are tight.
public sealed interface Loss permits BinaryCrossEntropy, CategoricalCrossEntropy, MeanSquaredError {
    /// Label floats of a row, for a network of so many outputs.
    int labels(int outputs);

    /// Outputs that this loss needs at least.
    default int outputsMin() {
        return 1;
    }

    /// What a reader gets to see: probabilities, or the values themselves.
    ///
    /// @param predictions (rows, outputs)
    void predict(
            Kernels kernels,
            int rows,
            int outputs,
            float[] y,
            int at,
            int stride,
            float[] predictions);

    /// Each row's loss, without its sample weight.
    ///
    /// @param labels (rows, labels)
    /// @param losses (rows)
    void losses(
            int rows, int outputs, float[] y, int at, int stride, float[] labels, float[] losses);

    /// dy = w_i dl_i/dy
    ///
    /// @param predictions what `predict` made of y
    /// @param sampleWeights (rows)
    /// @param dy (rows, outputs), element (row, output) at `dyAt + row * dyStride + output`
    void gradient(
            int rows,
            int outputs,
            float[] predictions,
            float[] labels,
            float[] sampleWeights,
            float[] dy,
            int dyAt,
            int dyStride);
}
