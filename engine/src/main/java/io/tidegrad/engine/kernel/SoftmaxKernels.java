package io.tidegrad.engine.kernel;

/// Softmax over rows: of classes, with an ascending sum, and of attention, whose rows are long, with a sum in lanes.
interface SoftmaxKernels {
    /// Each row: y = e^(x - max x) / Σ e^(x - max x); in place allowed.
    ///
    /// @param width classes, at least 1: logical columns only, padding is neither read nor written
    void softmax(int rows, int width, float[] x, int xAt, int xStride, float[] y, int yAt, int yStride);

    /// In place, each row: e^(x - max x) / Σ e^(x - max x), the sum in virtual lanes. Row r has `width + r growth`
    /// columns; those from there to the next multiple of 16 become 0 (NaN where the row does).
    ///
    /// @param width at least 1
    /// @param growth 0, or 1 for rows that see one column more than the row before
    void softmaxInLanes(int rows, int width, int growth, float[] x, int xAt, int xStride);

    /// In place, each row: dx = y (dy - Σ y dy), the sum in virtual lanes; `dy` becomes dx.
    ///
    /// @param width a multiple of 16: where y is 0, dx is
    void softmaxInLanesGradient(int rows, int width, float[] y, int yAt, int yStride, float[] dy, int dyAt,
            int dyStride);
}
