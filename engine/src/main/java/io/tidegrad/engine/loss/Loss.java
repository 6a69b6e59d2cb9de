package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.Kernels;
import org.jspecify.annotations.Nullable;

/// What predictions are compared with, and how. A description: `bind` gives it the room and the arithmetic.
///
/// For each row the network puts out `lines` lines (time steps, say; one for a vector) of `width` values: line l of row
/// r lies at `at + (r * lines + l) * stride`. A row's loss is the mean over its own elements; `Reduction` says what a
/// batch makes of its rows.
///
/// A label that is none (a class beyond the last one, say) makes its row's loss NaN, and a row whose loss is not finite
/// is refused by the learner: no loss clips anything to look finite.
public sealed interface Loss permits CategoricalCrossEntropy, Ctc, Elementwise {
    /// Label floats of a row.
    int labels(int lines, int width);

    /// From the network's output to the prediction.
    Link link();

    /// Why this loss can't compare such rows: "expected …, found …". Null where it can.
    default @Nullable String mismatch(int lines, int width) {
        return null;
    }

    /// The arithmetic for batches of up to `maxRows` rows of a shape without mismatch; allocates everything it will
    /// need.
    LossPass bind(int maxRows, int lines, int width);

    /// What a reader gets to see: probabilities, or the values themselves.
    ///
    /// @param y (rows, lines, width), as the network puts it out
    /// @param predictions (rows, lines, width), tight
    default void predict(Kernels kernels, int rows, int lines, int width, float[] y, int at, int stride,
            float[] predictions) {
        link().predict(kernels, rows * lines, width, y, at, stride, predictions);
    }

    /// As `predict`, but what the link is applied to.
    default void logits(Kernels kernels, int rows, int lines, int width, float[] y, int at, int stride,
            float[] logits) {
        Link.IDENTITY.predict(kernels, rows * lines, width, y, at, stride, logits);
    }
}
