package io.tidegrad.engine.kernel;

import org.jspecify.annotations.Nullable;

/// Products of matrices: a dense layer and its gradients over panels of weights, and `multiply` for what has no
/// weights.
///
/// The dense kernels take a range (of panels, or of inputs), so that threads can share a layer: an element has the same
/// bits whatever the range it lies in, and nothing outside of the range is written.
interface DenseKernels {
    /// y = x W + b, the columns of panels `fromPanel` to `toPanel`, the last not included. Each accumulator starts with
    /// `bias[o]` (0 without bias); where `panels.sumsInputsInLanes()`, it is added to the sum of the lanes.
    ///
    /// @param x shape (rows, panels.inputs()), stride xStride
    /// @param w panels
    /// @param bias panels.stride() floats, or null
    /// @param y shape (rows, panels.stride()), stride yStride
    /// @param scratch the thread's own, `panels.scratch()` floats
    void denseForward(Panels panels, int fromPanel, int toPanel, int rows, float[] x, int xAt, int xStride, float[] w,
            float @Nullable [] bias, float[] y, int yAt, int yStride, float[] scratch);

    /// As `denseForward`, of panels that sum inputs in lanes, from weights that lie output after output: same bits.
    ///
    /// @param w shape (panels.outputs(), panels.inputs()), stride `panels.strideByOutput()`
    void denseForwardByOutput(Panels panels, int fromPanel, int toPanel, int rows, float[] x, int xAt, int xStride,
            float[] w, float @Nullable [] bias, float[] y, int yAt, int yStride, float[] scratch);

    /// dx = dy Wᵀ, overwriting dx, the columns of inputs `fromInput` to `toInput`, the last not included.
    ///
    /// @param dy shape (rows, panels.stride()), stride dyStride
    /// The order of the sum depends on the number of rows: `panels.sumsOutputsInLanes(rows)`.
    ///
    /// @param dx shape (rows, panels.inputs()), stride dxStride
    /// @param scratch the thread's own, `panels.scratch()` floats
    void denseInputGradient(Panels panels, int fromInput, int toInput, int rows, float[] dy, int dyAt, int dyStride,
            float[] w, float[] dx, int dxAt, int dxStride, float[] scratch);

    /// For each weight of the inputs from `fromInput` to `toInput`, the last not included: g = scale · Σ_r x[r][i]
    /// dy[r][o] (r ascending, FMA from 0, then one multiplication by scale), applied at once by the optimizer; the
    /// gradient is never stored.
    ///
    /// @param state the optimizer's state, an array a part, each laid out as `w`
    /// @param tile the thread's own, `Kernels.TILES` floats
    void denseUpdate(OptimizerStep step, Panels panels, int fromInput, int toInput, int rows, float scale, float[] x,
            int xAt, int xStride, float[] dy, int dyAt, int dyStride, float[] w, float[][] state, float[] tile);

    /// One row: dx = dy Wᵀ with the weights from before, and the update of `denseUpdate`, in one pass over the weights.
    /// Same bits as the two calls. `dx` is null where nobody needs it (the first layer).
    void denseInputGradientAndUpdate(OptimizerStep step, Panels panels, int fromInput, int toInput, float scale,
            float[] x, int xAt, float[] dy, int dyAt, float[] w, float[][] state, float @Nullable [] dx, int dxAt,
            float[] tile);

    /// y[r][c] = scale · Σ_k a[r][k] b[k][c] (k ascending, FMA from 0, then one multiplication by scale), for `rows`
    /// rows and `columns` columns. Nothing else of `y` is written, nothing else of `a` and `b` counts. Where `columns`
    /// is no multiple of 16, `b` and `y` go on for 15 floats behind what is used: they are read by whole vectors.
    ///
    /// @param a a[r][k] is `a[aAt + r aRow + k aStep]`: a matrix or, with the two exchanged, its transpose
    /// @param b b[k][c] is `b[bAt + k bStep + c]`
    void multiply(int rows, int columns, int depth, float scale, float[] a, int aAt, int aRow, int aStep, float[] b,
            int bAt, int bStep, float[] y, int yAt, int yRow);
}
