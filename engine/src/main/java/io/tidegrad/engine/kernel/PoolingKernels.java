package io.tidegrad.engine.kernel;

/// Maxima and means over the windows of an image, column by column.
interface PoolingKernels {
    /// For each column of one image: y[w] = the maximum of window w, first[w] = which of the window's numbers is the
    /// first of that size, counted from 0. A NaN is greater than all numbers, and the last one counts.
    ///
    /// @param relu whether x goes through a relu before: then y[w] = max(that maximum, 0), which is the same, and
    ///     first[w] = -1 where y[w] is not above 0, for the relu lets no gradient through there
    /// @param y a line for each window, yStride apart; `first` too
    void maxPool(Windows windows, boolean relu, int width, float[] x, int xAt, float[] y, float[] first, int yAt,
            int yStride);

    /// In all of window w: dx = dy[w] in its first maximum, else 0, and 0 in all of it where first[w] = -1. Where
    /// windows overlap that is added to dx, windows ascending; dx is zero before the first of them, never -0.
    void maxPoolGradient(Windows windows, int width, float[] first, float[] dy, int yAt, int yStride, float[] dx,
            int dxAt);

    /// For each column of one image: y[w] = Σ x / divisor over window w (ascending: starts with its first number,
    /// adds).
    void averagePool(Windows windows, int width, float divisor, float[] x, int xAt, float[] y, int yAt, int yStride);

    /// In all of window w: dx = dy[w] / divisor. Where windows overlap that is added to dx, windows ascending.
    void averagePoolGradient(Windows windows, int width, float divisor, float[] dy, int dyAt, int dyStride, float[] dx,
            int dxAt);
}
