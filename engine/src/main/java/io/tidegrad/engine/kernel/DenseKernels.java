package io.tidegrad.engine.kernel;

import org.jspecify.annotations.Nullable;

/// Matrix products: a dense layer and its gradients, with weights in panels, and `multiply` for matrices that are no
/// weights.
///
/// The dense kernels take a range of panels or inputs, so that threads can share a layer. An element's bits don't
/// depend on the range, and nothing outside the range is written.
interface DenseKernels {
    /// y = x W + b, for the columns of panels `fromPanel` (inclusive) to `toPanel` (exclusive). Each accumulator starts
    /// with `bias[o]` (0 without bias); if `panels.sumsInputsInLanes()`, the bias is added to the sum of the lanes
    /// instead.
    ///
    /// @param x shape (rows, panels.inputs()), stride xStride
    /// @param w panels
    /// @param bias panels.stride() floats, or null
    /// @param y shape (rows, panels.stride()), stride yStride
    /// @param scratch the thread's own scratch, `panels.scratch()` floats
    void denseForward(Panels panels, int fromPanel, int toPanel, int rows, float[] x, int xAt, int xStride, float[] w,
            float @Nullable [] bias, float[] y, int yAt, int yStride, float[] scratch);

    /// Like `denseForward`, with the same bits, for panels that sum inputs in lanes and weights that are stored output
    /// after output.
    ///
    /// @param w shape (panels.outputs(), panels.inputs()), stride `panels.strideByOutput()`
    void denseForwardByOutput(Panels panels, int fromPanel, int toPanel, int rows, float[] x, int xAt, int xStride,
            float[] w, float @Nullable [] bias, float[] y, int yAt, int yStride, float[] scratch);

    /// dx = dy Wᵀ, overwriting dx, for the columns of inputs `fromInput` (inclusive) to `toInput` (exclusive). The
    /// order of the sum depends on the number of rows: `panels.sumsOutputsInLanes(rows)`.
    ///
    /// @param dy shape (rows, panels.stride()), stride dyStride
    /// @param dx shape (rows, panels.inputs()), stride dxStride
    /// @param scratch the thread's own scratch, `panels.scratch()` floats
    void denseInputGradient(Panels panels, int fromInput, int toInput, int rows, float[] dy, int dyAt, int dyStride,
            float[] w, float[] dx, int dxAt, int dxStride, float[] scratch);

    /// For each weight of inputs `fromInput` (inclusive) to `toInput` (exclusive), applies the optimizer to the
    /// gradient g = scale · Σ_r x[r][i] dy[r][o] (r ascending, FMA from 0, then one multiplication by scale), which is
    /// never stored.
    ///
    /// @param state the optimizer's state, one array per part, each laid out like `w`
    /// @param tile the thread's own scratch, `Kernels.TILES` floats
    void denseUpdate(OptimizerStep step, Panels panels, int fromInput, int toInput, int rows, float scale, float[] x,
            int xAt, int xStride, float[] dy, int dyAt, int dyStride, float[] w, float[][] state, float[] tile);

    /// For one row, dx = dy Wᵀ with the old weights, and the update of `denseUpdate`, in one pass over the weights. The
    /// bits are those of the two calls. `dx` is null if it is not needed (first layer).
    void denseInputGradientAndUpdate(OptimizerStep step, Panels panels, int fromInput, int toInput, float scale,
            float[] x, int xAt, float[] dy, int dyAt, float[] w, float[][] state, float @Nullable [] dx, int dxAt,
            float[] tile);

    /// y[r][c] = scale · Σ_k a[r][k] b[k][c] (k ascending, FMA from 0, then one multiplication by scale), for `rows`
    /// rows and `columns` columns. No other element of `y` is written, and no other element of `a` and `b` affects the
    /// result. If `columns` is no multiple of 16, `b` and `y` must have 15 more floats after the last one used, because
    /// they are read in whole vectors.
    ///
    /// @param a a[r][k] is `a[aAt + r aRow + k aStep]`: a matrix or, with the two steps exchanged, its transpose
    /// @param b b[k][c] is `b[bAt + k bStep + c]`
    void multiply(int rows, int columns, int depth, float scale, float[] a, int aAt, int aRow, int aStep, float[] b,
            int bAt, int bStep, float[] y, int yAt, int yRow);
}
