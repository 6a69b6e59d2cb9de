package io.tidegrad.engine.kernel;

import org.jspecify.annotations.Nullable;

/// The definition of `DenseKernels`.
interface ScalarDenseKernels extends DenseKernels {
    @Override
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

    @Override
    default void denseForwardByOutput(Panels panels, int fromPanel, int toPanel, int rows, float[] x, int xAt,
            int xStride, float[] w, float @Nullable [] bias, float[] y, int yAt, int yStride, float[] scratch) {
        int width = panels.width();
        for (int r = 0; r < rows; r++) {
            for (int o = fromPanel * width; o < toPanel * width; o++) {
                float sum = o < panels.outputs() ? VirtualLanes.sumOfProducts(panels.inputs(), x, xAt + r * xStride, w,
                        o * panels.strideByOutput(), 0, 1) : 0f;
                y[yAt + r * yStride + o] = (bias == null ? 0f : bias[o]) + sum;
            }
        }
    }

    /// Sums in one accumulator.
    private static float sum(Panels panels, int o, float[] x, int xAt, float[] w, float start) {
        float sum = start;
        for (int i = 0; i < panels.inputs(); i++) {
            sum = Math.fma(x[xAt + i], w[panels.index(i, o)], sum);
        }
        return sum;
    }

    /// The sum of lanes `lane`, `lane + step`, `lane + 2 step`, … as a tree; lane l sums inputs i with i mod 16 = l.
    private static float sumOverInputs(Panels panels, int o, float[] x, int xAt, float[] w, int lane, int step) {
        if (step == VirtualLanes.COUNT) {
            float sum = 0f;
            for (int i = lane; i < panels.inputs(); i += VirtualLanes.COUNT) {
                sum = Math.fma(x[xAt + i], w[panels.index(i, o)], sum);
            }
            return sum;
        }
        return sumOverInputs(panels, o, x, xAt, w, lane, 2 * step)
                + sumOverInputs(panels, o, x, xAt, w, lane + step, 2 * step);
    }

    @Override
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

    @Override
    default void denseUpdate(OptimizerStep step, Panels panels, int fromInput, int toInput, int rows, float scale,
            float[] x, int xAt, int xStride, float[] dy, int dyAt, int dyStride, float[] w, float[][] state,
            float[] tile) {
        for (int i = fromInput; i < toInput; i++) {
            for (int o = 0; o < panels.stride(); o++) {
                float g = 0f;
                for (int r = 0; r < rows; r++) {
                    g = Math.fma(x[xAt + r * xStride + i], dy[dyAt + r * dyStride + o], g);
                }
                int at = panels.index(i, o);
                ScalarOptimizerKernels.updateOne(step, scale * g, w, at, state, at, 0);
            }
        }
    }

    @Override
    default void denseInputGradientAndUpdate(OptimizerStep step, Panels panels, int fromInput, int toInput, float scale,
            float[] x, int xAt, float[] dy, int dyAt, float[] w, float[][] state, float @Nullable [] dx, int dxAt,
            float[] tile) {
        int oneRow = 1;
        if (dx != null) {
            denseInputGradient(panels, fromInput, toInput, oneRow, dy, dyAt, 0, w, dx, dxAt, 0, tile);
        }
        denseUpdate(step, panels, fromInput, toInput, oneRow, scale, x, xAt, 0, dy, dyAt, 0, w, state, tile);
    }

    @Override
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
                sum = Math.fma(dy[dyAt + o], w[panels.index(i, o)], sum);
            }
            return sum;
        }
        return sumOverOutputs(panels, i, dy, dyAt, w, lane, 2 * step)
                + sumOverOutputs(panels, i, dy, dyAt, w, lane + step, 2 * step);
    }
}
