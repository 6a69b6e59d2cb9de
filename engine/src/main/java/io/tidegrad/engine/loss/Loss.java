package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.Kernels;
import org.jspecify.annotations.Nullable;

/// How predictions are compared with labels. It is a description; `bind` returns the arithmetic with its scratch.
///
/// For each row the network's output is `lines` lines (time steps, for example; one for a vector) of `width` values:
/// line l of row r starts at `at + (r * lines + l) * stride`. A row's loss is the mean over its elements; `Reduction`
/// combines the losses of a batch's rows.
///
/// An invalid label (a class beyond the last one, for example) makes its row's loss NaN. The learner refuses a row
/// whose loss is not finite; no loss clips values to make it finite.
public sealed interface Loss permits CategoricalCrossEntropy, Ctc, ElementwiseLoss, FakeNegativeWeighted {
    /// The number of label floats per row.
    int labels(int lines, int width);

    /// The function from the network's output to the prediction.
    Link link();

    /// Why this loss doesn't fit rows of this shape: "expected …, found …". Null if it fits.
    default @Nullable String mismatch(int lines, int width) {
        return null;
    }

    /// Returns the arithmetic for batches of up to `maxRows` rows, for a shape without mismatch. Allocates everything
    /// it needs.
    LossPass bind(int maxRows, int lines, int width);

    /// Computes the predictions: probabilities, or the values themselves.
    ///
    /// @param y the network's output, (rows, lines, width)
    /// @param predictions (rows, lines, width), without padding
    default void predict(Kernels kernels, int rows, int lines, int width, float[] y, int at, int stride,
            float[] predictions) {
        link().predict(kernels, rows * lines, width, y, at, stride, predictions);
    }

    /// Like `predict`, but without applying the link.
    default void logits(Kernels kernels, int rows, int lines, int width, float[] y, int at, int stride,
            float[] logits) {
        Link.IDENTITY.predict(kernels, rows * lines, width, y, at, stride, logits);
    }
}
