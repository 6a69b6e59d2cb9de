package io.tidegrad.engine.kernel;

/// Softmax over rows: for classes with an ascending sum, and for attention, whose rows are long, with a sum in lanes.
interface SoftmaxKernels {
    /// For each row, y = e^(x - max x) / Σ e^(x - max x); in place allowed.
    ///
    /// @param width classes, at least 1: logical columns only, padding is neither read nor written
    void softmax(int rows, int width, float[] x, int xAt, int xStride, float[] y, int yAt, int yStride);

    /// For each row, in place, e^(x - max x) / Σ e^(x - max x), with the sum in virtual lanes. Row r has `width + r
    /// growth` columns; further columns up to the next multiple of 16 become 0 (NaN if the row does).
    ///
    /// @param width at least 1
    /// @param growth 0, or 1 if each row has one column more than the row before
    void softmaxInLanes(int rows, int width, int growth, float[] x, int xAt, int xStride);

    /// For each row, in place, dx = y (dy - Σ y dy), with the sum in virtual lanes; `dy` is overwritten with dx.
    ///
    /// @param width a multiple of 16; padding needs no mask, because dx is 0 where y is 0
    void softmaxInLanesGradient(int rows, int width, float[] y, int yAt, int yStride, float[] dy, int dyAt,
            int dyStride);
}
