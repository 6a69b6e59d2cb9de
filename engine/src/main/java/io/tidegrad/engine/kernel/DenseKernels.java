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
    default void denseForward(Panels panels, int fromPanel, int toPanel, int rows, float[] x, int xAt, int xStride,
            float[] w, float @Nullable [] bias, float[] y, int yAt, int yStride, float[] scratch) {
        boolean lanes = panels.sumsInputsInLanes();
        for (int r = 0; r < rows; r++) {
            for (int o = 0; o < panels.stride(); o++) {
                float start = bias == null ? 0f : bias[o];
                int xRow = xAt + r * xStride;
                y[yAt + r * yStride + o] =
                        lanes ? start + sumOverInputs(panels, o, x, xRow, w, 0, 1) : sum(panels, o, x, xRow, w, start);
            }
        }
    }

    /// A weight, or the zero of a column of padding.
    private static float weight(Panels panels, float[] w, int i, int o) {
        return o < panels.outputs() ? w[panels.index(i, o)] : 0f;
    }

    /// Sums in one accumulator.
    private static float sum(Panels panels, int o, float[] x, int xAt, float[] w, float start) {
        float sum = start;
        for (int i = 0; i < panels.inputs(); i++) {
            sum = Math.fma(x[xAt + i], weight(panels, w, i, o), sum);
        }
        return sum;
    }

    /// The sum of lanes `lane`, `lane + step`, `lane + 2 step`, … as a tree; lane l sums inputs i with i mod 16 = l.
    private static float sumOverInputs(Panels panels, int o, float[] x, int xAt, float[] w, int lane, int step) {
        if (step == VirtualLanes.COUNT) {
            float sum = 0f;
            for (int i = lane; i < panels.inputs(); i += VirtualLanes.COUNT) {
                sum = Math.fma(x[xAt + i], weight(panels, w, i, o), sum);
            }
            return sum;
        }
        return sumOverInputs(panels, o, x, xAt, w, lane, 2 * step)
                + sumOverInputs(panels, o, x, xAt, w, lane + step, 2 * step);
    }

    /// dx = dy Wᵀ, overwriting dx, for the columns of inputs `fromInput` (inclusive) to `toInput` (exclusive). The
    /// order of the sum depends on the number of rows: `panels.sumsOutputsInLanes(rows)`.
    ///
    /// @param dy shape (rows, panels.stride()), stride dyStride
    /// @param dx shape (rows, panels.inputs()), stride dxStride
    default void denseInputGradient(Panels panels, int fromInput, int toInput, int rows, float[] dy, int dyAt,
            int dyStride, float[] w, float[] dx, int dxAt, int dxStride, float[] scratch) {
        for (int r = 0; r < rows; r++) {
            for (int i = fromInput; i < toInput; i++) {
                int dyRow = dyAt + r * dyStride;
                float sum = 0f;
                if (panels.sumsOutputsInLanes(rows)) {
                    sum = sumOverOutputs(panels, i, dy, dyRow, w, 0, 1);
                } else {
                    for (int o = 0; o < panels.outputs(); o++) {
                        sum = Math.fma(dy[dyRow + o], w[panels.index(i, o)], sum);
                    }
                }
                dx[dxAt + r * dxStride + i] = sum;
            }
        }
    }

    /// For each weight of inputs `fromInput` (inclusive) to `toInput` (exclusive), applies the optimizer to the
    /// gradient g = scale · Σ_r x[r][i] dy[r][o] (r ascending, FMA from 0, then one multiplication by scale), which is
    /// never stored.
    default void denseUpdate(OptimizerStep step, Panels panels, int fromInput, int toInput, int rows, float scale,
            float[] x, int xAt, int xStride, float[] dy, int dyAt, int dyStride, float[] w, float[][] state,
            float[] tile) {
        int columns = panels.byOutput() ? panels.outputs() : panels.stride();
        for (int i = fromInput; i < toInput; i++) {
            for (int o = 0; o < columns; o++) {
                float g = 0f;
                for (int r = 0; r < rows; r++) {
                    g = Math.fma(x[xAt + r * xStride + i], dy[dyAt + r * dyStride + o], g);
                }
                int at = panels.index(i, o);
                OptimizerKernels.updateOne(step, scale * g, w, at, state, at, 0);
            }
        }
    }

    /// For one row, dx = dy Wᵀ with the old weights, and the update of `denseUpdate`, in one pass over the weights. The
    /// bits are those of the two calls. `dx` is null if it is not needed (first layer).
    default void denseInputGradientAndUpdate(OptimizerStep step, Panels panels, int fromInput, int toInput, float scale,
            float[] x, int xAt, float[] dy, int dyAt, float[] w, float[][] state, float @Nullable [] dx, int dxAt,
            float[] tile) {
        int oneRow = 1;
        if (dx != null) {
            denseInputGradient(panels, fromInput, toInput, oneRow, dy, dyAt, 0, w, dx, dxAt, 0, tile);
        }
        denseUpdate(step, panels, fromInput, toInput, oneRow, scale, x, xAt, 0, dy, dyAt, 0, w, state, tile);
    }

    /// y[r][c] = scale · Σ_k a[r][k] b[k][c] (k ascending, FMA from 0, then one multiplication by scale), for `rows`
    /// rows and `columns` columns. No other element of `y` is written, and no other element of `a` and `b` affects the
    /// result. If `columns` is no multiple of 16, `b` and `y` must have 15 more floats after the last one used, because
    /// they are read in whole vectors.
    ///
    /// @param a a[r][k] is `a[aAt + r aRow + k aStep]`: a matrix or, with the two steps exchanged, its transpose
    /// @param b b[k][c] is `b[bAt + k bStep + c]`
    default void multiply(int rows, int columns, int depth, float scale, float[] a, int aAt, int aRow, int aStep,
            float[] b, int bAt, int bStep, float[] y, int yAt, int yRow) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                float sum = 0f;
                for (int k = 0; k < depth; k++) {
                    sum = Math.fma(a[aAt + r * aRow + k * aStep], b[bAt + k * bStep + c], sum);
                }
                y[yAt + r * yRow + c] = sum * scale;
            }
        }
    }

    /// The sum of lanes `lane`, `lane + step`, `lane + 2 step`, … as a tree: from (0, 1) it adds lanes 8 apart first, 1
    /// apart last.
    private static float sumOverOutputs(Panels panels, int i, float[] dy, int dyAt, float[] w, int lane, int step) {
        if (step == VirtualLanes.COUNT) {
            float sum = 0f;
            for (int o = lane; o < panels.stride(); o += VirtualLanes.COUNT) {
                sum = Math.fma(dy[dyAt + o], weight(panels, w, i, o), sum);
            }
            return sum;
        }
        return sumOverOutputs(panels, i, dy, dyAt, w, lane, 2 * step)
                + sumOverOutputs(panels, i, dy, dyAt, w, lane + step, 2 * step);
    }
}
