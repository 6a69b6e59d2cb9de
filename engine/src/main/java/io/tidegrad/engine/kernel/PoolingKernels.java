package io.tidegrad.engine.kernel;

/// Maximum and mean over the windows of an image, for each column.
interface PoolingKernels {
    /// For each column of one image: y[w] = the maximum of window w, first[w] = the index in the window, from 0, of its
    /// first number with this value. A NaN counts as greater than all numbers; of several, the last one is used.
    ///
    /// @param relu whether to apply a relu to x first: then y[w] = max(maximum, 0), which is the same, and first[w] =
    ///     -1 if y[w] is not above 0, because the relu then stops the gradient
    /// @param y one line per window, yStride apart, like `first`
    void maxPool(Windows windows, boolean relu, int width, float[] x, int xAt, float[] y, float[] first, int yAt,
            int yStride);

    /// In window w, dx = dy[w] at its first maximum and 0 elsewhere; 0 everywhere if first[w] = -1. If windows overlap,
    /// this is added to dx, windows ascending; dx must be +0 before the call.
    void maxPoolGradient(Windows windows, int width, float[] first, float[] dy, int yAt, int yStride, float[] dx,
            int dxAt);

    /// For each column of one image: y[w] = Σ x / divisor over window w (ascending: starts with its first number,
    /// adds).
    void averagePool(Windows windows, int width, float divisor, float[] x, int xAt, float[] y, int yAt, int yStride);

    /// In window w, dx = dy[w] / divisor. If windows overlap, this is added to dx, windows ascending.
    void averagePoolGradient(Windows windows, int width, float divisor, float[] dy, int dyAt, int dyStride, float[] dx,
            int dxAt);
}
