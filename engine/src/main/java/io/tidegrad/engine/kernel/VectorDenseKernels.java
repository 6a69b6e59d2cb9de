package io.tidegrad.engine.kernel;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Iterates over panels and tiles of dense layers and other products; the inner loops are generated.
interface VectorDenseKernels extends DenseKernels, OptimizerKernels, NormKernels {
    /// Inputs of a tile with 64 columns. 6 is fastest; 8 would be split.
    int WIDE_TILE_INPUTS = 6;

    @Override
    default void denseForward(Panels panels, int fromPanel, int toPanel, int rows, float[] x, int xAt, int xStride,
            float[] w, float @Nullable [] bias, float[] y, int yAt, int yStride, float[] scratch) {
        if (panels.byOutput()) {
            int wRow = panels.strideByOutput();
            for (int p = fromPanel; p < toPanel; p++) {
                sumInputLanes(panels.inputs(), Math.min(16, panels.outputs() - p * 16), rows, x, xAt, xStride, w,
                        p * 16 * wRow, wRow, bias == null ? VectorKernels.ZEROS : bias, bias == null ? 0 : p * 16, y,
                        yAt + p * 16, yStride, scratch, 0);
            }
            return;
        }
        int width = panels.width();
        int inputs = panels.inputs();
        for (int p = fromPanel; p < toPanel; p++) {
            float[] start = bias == null ? VectorKernels.ZEROS : bias;
            int startAt = bias == null ? 0 : p * width;
            int wAt = p * inputs * width;
            if (panels.sumsInputsInLanes()) {
                forwardNarrow(inputs, Math.min(width, panels.outputs() - p * width), rows, x, xAt, xStride, w, wAt,
                        start, startAt, y, yAt + p * width, yStride, scratch);
                continue;
            }
            if (rows == 1 && width == 64 && p + 1 < toPanel) {
                forwardTwoPanels(inputs, x, xAt, w, wAt, inputs * width, start, startAt, bias == null ? 0 : width, y,
                        yAt + p * width);
                p++;
                continue;
            }
            multiply(width, rows, inputs, x, xAt, xStride, 1, w, wAt, width, start, startAt, 1f, y, yAt + p * width,
                    yStride);
        }
    }

    @Override
    default void denseInputGradient(Panels panels, int fromInput, int toInput, int rows, float[] dy, int dyAt,
            int dyStride, float[] w, float[] dx, int dxAt, int dxStride, float[] scratch) {
        if (panels.sumsOutputsInLanes(rows)) {
            if (panels.byOutput()) {
                for (int r = 0; r < rows; r++) {
                    dotsByOutput(panels, fromInput, toInput, dy, dyAt + r * dyStride, w, dx, dxAt + r * dxStride,
                            scratch);
                }
            } else {
                dots(panels, fromInput, toInput, rows, dy, dyAt, dyStride, w, dx, dxAt, dxStride);
            }
            return;
        }
        if (panels.byOutput()) {
            multiply(rows, toInput - fromInput, panels.outputs(), 1f, dy, dyAt, dyStride, 1, w, fromInput,
                    panels.strideByOutput(), dx, dxAt + fromInput, dxStride);
            return;
        }
        for (int i = fromInput; i < toInput; i += 64) {
            int count = Math.min(64, toInput - i);
            transposeInputs(panels, i, count, w, scratch);
            multiply(rows, count, panels.outputs(), 1f, dy, dyAt, dyStride, 1, scratch, 0, 64, dx, dxAt + i, dxStride);
        }
    }

    /// One row's input gradients, 32 inputs at a time, of which those outside of the range are not kept.
    private void dotsByOutput(Panels panels, int fromInput, int toInput, float[] dy, int dyAt, float[] w, float[] dx,
            int dxAt, float[] lanes) {
        for (int i = fromInput & -32; i < toInput; i += 32) {
            outputLanes(panels.outputs(), dy, dyAt, w, i, panels.strideByOutput(), lanes);
            int from = Math.max(i, fromInput);
            System.arraycopy(lanes, from - i, dx, dxAt + from, Math.min(i + 32, toInput) - from);
        }
    }

    /// transposed[o][i] = w[from + i][o], for `count` inputs, at most 64; rows of 64.
    private void transposeInputs(Panels panels, int from, int count, float[] w, float[] transposed) {
        int width = panels.width();
        int even = count & -16;
        for (int o = 0; o < panels.outputs(); o += 16) {
            int at = panels.index(from, o);
            for (int i = 0; i < even; i += 16) {
                transpose16(w, at + i * width, width, transposed, o * 64 + i, 64);
            }
            for (int i = even; i < count; i++) {
                for (int c = 0; c < 16; c++) {
                    transposed[(o + c) * 64 + i] = w[at + i * width + c];
                }
            }
        }
    }

    @Override
    default void denseUpdate(OptimizerStep step, Panels panels, int fromInput, int toInput, int rows, float scale,
            float[] x, int xAt, int xStride, float[] dy, int dyAt, int dyStride, float[] w, float[][] state,
            float[] tile) {
        if (step.isFrozen()) {
            return;
        }
        if (panels.byOutput()) {
            if (rows == 1) {
                updateByOutput(step, panels, fromInput, toInput, scale, x, xAt, dy, dyAt, w, state, tile);
            } else {
                updateByOutput(step, panels, fromInput, toInput, rows, scale, x, xAt, xStride, dy, dyAt, dyStride, w,
                        state, tile);
            }
            return;
        }
        int width = panels.width();
        int inputs = panels.inputs();
        int tileInputs = width == 64 ? WIDE_TILE_INPUTS : Kernels.TILE / width;
        boolean transposes = width == 16 && rows >= TRANSPOSE_UPDATE_ROWS_MIN;
        for (int p = 0; p < panels.count(); p++) {
            int outputs = Math.min(width, panels.outputs() - p * width);
            if (transposes) {
                Arrays.fill(tile, Kernels.TILE + outputs * 32, 2 * Kernels.TILE, 0);
            }
            for (int i = fromInput; i < toInput; i += tileInputs) {
                int count = Math.min(tileInputs, toInput - i);
                int at = (p * inputs + i) * width;
                if (transposes && count == 32) {
                    weightGradientsInLanes(outputs, rows, scale, x, xAt + i, xStride, dy, dyAt + p * 16, dyStride, tile,
                            Kernels.TILE);
                    transpose16(tile, Kernels.TILE, 32, tile, 0, 16);
                    transpose16(tile, Kernels.TILE + 16, 32, tile, 256, 16);
                    update(step, Kernels.TILE, tile, 0, w, at, state, at, 0);
                    continue;
                }
                multiply(width, count, rows, x, xAt + i, 1, xStride, dy, dyAt + p * width, dyStride,
                        VectorKernels.ZEROS, 0, scale, tile, 0, width);
                update(step, count * width, tile, 0, w, at, state, at, 0);
            }
        }
    }

    /// The update by one row. Behind the last input zeros are updated, which stay zeros.
    private void updateByOutput(OptimizerStep step, Panels panels, int fromInput, int toInput, float scale, float[] x,
            int xAt, float[] dy, int dyAt, float[] w, float[][] state, float[] tile) {
        int outputs = panels.outputs();
        int wRow = panels.strideByOutput();
        int whole = toInput - fromInput & -16;
        updateByOutputByOneRow(step, outputs, whole, scale, x, xAt + fromInput, dy, dyAt, w, fromInput, wRow, state);
        int rest = fromInput + whole;
        if (rest == toInput) {
            return;
        }
        if (toInput < panels.inputs()) {
            VectorKernels.SCALAR.denseUpdate(step, panels, rest, toInput, 1, scale, x, xAt, 0, dy, dyAt, 0, w, state,
                    tile);
            return;
        }
        System.arraycopy(x, xAt + rest, tile, 0, toInput - rest);
        Arrays.fill(tile, toInput - rest, 16, 0f);
        updateByOutputByOneRow(step, outputs, 16, scale, tile, 0, dy, dyAt, w, rest, wRow, state);
    }

    /// The update by several rows: the gradients of 32 inputs and up to 16 outputs at a time.
    private void updateByOutput(OptimizerStep step, Panels panels, int fromInput, int toInput, int rows, float scale,
            float[] x, int xAt, int xStride, float[] dy, int dyAt, int dyStride, float[] w, float[][] state,
            float[] tile) {
        int wRow = panels.strideByOutput();
        for (int i = fromInput; i < toInput; i += 32) {
            int count = Math.min(32, toInput - i);
            // Behind the last input zeros are updated, which stay zeros.
            int length = i + count == panels.inputs() ? count + 15 & -16 : count;
            for (int from = 0; from < panels.outputs(); from += 16) {
                int outputs = Math.min(16, panels.outputs() - from);
                if (count == 32) {
                    weightGradientsInLanes(outputs, rows, scale, x, xAt + i, xStride, dy, dyAt + from, dyStride, tile,
                            0);
                } else {
                    multiply(16, count, rows, x, xAt + i, 1, xStride, dy, dyAt + from, dyStride, VectorKernels.ZEROS, 0,
                            scale, tile, Kernels.TILE, 16);
                    for (int o = 0; o < outputs; o++) {
                        for (int k = 0; k < length; k++) {
                            tile[o * 32 + k] = k < count ? tile[Kernels.TILE + k * 16 + o] : 0f;
                        }
                    }
                }
                for (int o = 0; o < outputs; o++) {
                    int at = (from + o) * wRow + i;
                    update(step, length, tile, o * 32, w, at, state, at, 0);
                }
            }
        }
    }

    @Override
    default void denseInputGradientAndUpdate(OptimizerStep step, Panels panels, int fromInput, int toInput, float scale,
            float[] x, int xAt, float[] dy, int dyAt, float[] w, float[][] state, float @Nullable [] dx, int dxAt,
            float[] tile) {
        if (panels.byOutput()) {
            if (dx != null) {
                dotsByOutput(panels, fromInput, toInput, dy, dyAt, w, dx, dxAt, tile);
            }
            denseUpdate(step, panels, fromInput, toInput, 1, scale, x, xAt, 0, dy, dyAt, 0, w, state, tile);
            return;
        }
        if (step.isFrozen()) {
            if (dx != null) {
                dots(panels, fromInput, toInput, 1, dy, dyAt, 0, w, dx, dxAt, 0);
            }
            return;
        }
        if (panels.outputs() <= fewOutputs()) {
            if (dx != null) {
                dots(panels, fromInput, toInput, 1, dy, dyAt, 0, w, dx, dxAt, 0);
            }
            updateFewByOneRow(step, panels.outputs(), fromInput, toInput, scale, x, xAt, dy, dyAt, w, state);
        } else if (dx == null) {
            updateByOneRow(step, panels.inputs(), fromInput, toInput, panels.count(), panels.width(), scale, x, xAt, dy,
                    dyAt, w, state);
        } else {
            inputGradientAndUpdateByOneRow(step, panels.inputs(), fromInput, toInput, panels.count(), panels.width(),
                    scale, x, xAt, dy, dyAt, w, state, dx, dxAt, tile);
        }
    }

    @Override
    default void biasUpdate(OptimizerStep step, int width, int rows, float scale, float[] dy, int dyAt, int dyStride,
            float[] bias, float[][] state, float[] tile) {
        if (step.isFrozen()) {
            return;
        }
        for (int o = 0; o < width; o += Kernels.TILE) {
            int count = Math.min(Kernels.TILE, width - o);
            columnSums(count, rows, scale, dy, dyAt + o, dyStride, tile);
            update(step, count, tile, 0, bias, o, state, o, 0);
        }
    }

    @Override
    default void multiply(int rows, int columns, int depth, float scale, float[] a, int aAt, int aRow, int aStep,
            float[] b, int bAt, int bStep, float[] y, int yAt, int yRow) {
        int c = 0;
        while (c + 16 <= columns) {
            int width = c + 64 <= columns ? 64 : c + 32 <= columns ? 32 : 16;
            multiply(width, rows, depth, a, aAt, aRow, aStep, b, bAt + c, bStep, VectorKernels.ZEROS, 0, scale, y,
                    yAt + c, yRow);
            c += width;
        }
        if (c < columns) {
            multiplyFew(rows, columns - c, depth, scale, a, aAt, aRow, aStep, b, bAt + c, bStep, y, yAt + c, yRow);
        }
    }

    /// Computes one row's forward through two panels of 64, whose weights start `panel` floats apart. With two streams,
    /// 1.6 MB of weights are read 5 % faster from the third-level cache than panel by panel (Zen 4).
    void forwardTwoPanels(int inputs, float[] x, int xAt, float[] w, int wAt, int panel, float[] start, int startAt,
            int startPanel, float[] y, int yAt);

    /// y[r][c] = scale (start[c] + Σ_k a[r][k] b[k][c]), k ascending, for `rows` rows and `width` (16, 32 or 64)
    /// columns. a[r][k] is `a[aAt + r aRow + k aStep]`, which serves x and xᵀ; b[k][c] is `b[bAt + k bStep + c]`.
    void multiply(int width, int rows, int depth, float[] a, int aAt, int aRow, int aStep, float[] b, int bAt,
            int bStep, float[] start, int startAt, float scale, float[] y, int yAt, int yRow);

    /// Computes the input gradients of few rows, in virtual lanes.
    void dots(Panels panels, int fromInput, int toInput, int rows, float[] dy, int dyAt, int dyStride, float[] w,
            float[] dx, int dxAt, int dxStride);

    /// Like `DenseKernels.multiply`, for fewer than 16 columns.
    void multiplyFew(int rows, int columns, int depth, float scale, float[] a, int aAt, int aRow, int aStep, float[] b,
            int bAt, int bStep, float[] y, int yAt, int yRow);

    /// The most outputs that `updateFewByOneRow` takes: 10, or 0 where vectors are shorter than a panel of 16.
    int fewOutputs();

    /// The update of a panel of 16 with few outputs by one row: the weights of several inputs share vectors, because a
    /// square root and a division take as long for padding. It serves layers of fewer than 64 inputs: others lie output
    /// after output. The bits are the same, for each weight is updated by itself.
    void updateFewByOneRow(OptimizerStep step, int outputs, int fromInput, int toInput, float scale, float[] x, int xAt,
            float[] dy, int dyAt, float[] w, float[][] state);

    /// The update by one row of `inputs` inputs, a multiple of 16, of weights that lie output after output.
    ///
    /// @param wRow floats from one output's weights to the next
    void updateByOutputByOneRow(OptimizerStep step, int outputs, int inputs, float scale, float[] x, int xAt,
            float[] dy, int dyAt, float[] w, int wAt, int wRow, float[][] state);

    void updateByOneRow(OptimizerStep step, int inputs, int fromInput, int toInput, int panels, int width, float scale,
            float[] x, int xAt, float[] dy, int dyAt, float[] w, float[][] state);

    void inputGradientAndUpdateByOneRow(OptimizerStep step, int inputs, int fromInput, int toInput, int panels,
            int width, float scale, float[] x, int xAt, float[] dy, int dyAt, float[] w, float[][] state, float[] dx,
            int dxAt, float[] tile);

    // ---- Panels of 16: forward in 16 virtual lanes for many inputs, and weight gradients with inputs in the lanes ----

    /// The fewest rows for which transposing pays off: the weights of a panel of 16 for forward, its gradients for the
    /// update. With 784 inputs, 8 rows take 1.5 us with transposed weights and 2.0 us without, 6 rows 1.6 and 1.1 us.
    int TRANSPOSE_FORWARD_ROWS_MIN = 8;

    int TRANSPOSE_UPDATE_ROWS_MIN = 16;

    /// Few rows use the weights as stored. For many rows transposing them pays off: then inputs are in the lanes, x is
    /// read in vectors, and the padding of the outputs is not multiplied.
    default void forwardNarrow(int inputs, int outputs, int rows, float[] x, int xAt, int xRow, float[] w, int wAt,
            float[] bias, int biasAt, float[] y, int yAt, int yRow, float[] scratch) {
        if (rows < TRANSPOSE_FORWARD_ROWS_MIN) {
            forwardInLanes(inputs, rows, x, xAt, xRow, w, wAt, bias, biasAt, y, yAt, yRow, scratch);
            return;
        }
        int wRow = Panels.laneStride(inputs);
        int even = inputs & -16;
        for (int i = 0; i < even; i += 16) {
            transpose16(w, wAt + i * 16, 16, scratch, i, wRow);
        }
        for (int o = 0; o < outputs; o++) {
            for (int i = even; i < inputs; i++) {
                scratch[o * wRow + i] = w[wAt + i * 16 + o];
            }
        }
        sumInputLanes(inputs, outputs, rows, x, xAt, xRow, scratch, 0, wRow, bias, biasAt, y, yAt, yRow, scratch,
                16 * wRow);
    }

    /// For one panel of 16, y = x w + bias, summed in virtual lanes, with w stored output after output.
    ///
    /// @param lanes scratch, starting at `lanesAt`, of 256 floats for each of `Panels.LANE_ROWS` + 1 rows
    default void sumInputLanes(int inputs, int outputs, int rows, float[] x, int xAt, int xRow, float[] w, int wAt,
            int wRow, float[] bias, int biasAt, float[] y, int yAt, int yRow, float[] lanes, int lanesAt) {
        for (int r = 0; r < rows; r += Panels.LANE_ROWS) {
            int count = Math.min(Panels.LANE_ROWS, rows - r);
            inputLanes(inputs, outputs, count, x, xAt + r * xRow, xRow, w, wAt, wRow, lanes, lanesAt);
            addLanes(count, outputs, lanes, lanesAt, bias, biasAt, y, yAt + r * yRow, yRow);
        }
    }

    /// b[j][i] = a[i][j], 16 of each.
    void transpose16(float[] a, int aAt, int aRow, float[] b, int bAt, int bRow);

    /// For one panel of 16, y = x w + bias, summed in virtual lanes, with w as stored.
    ///
    /// @param lanes scratch of `Panels.LANE_ROWS` rows of 256 floats
    void forwardInLanes(int inputs, int rows, float[] x, int xAt, int xRow, float[] w, int wAt, float[] bias,
            int biasAt, float[] y, int yAt, int yRow, float[] lanes);

    /// lanes[r][o][l] = Σ x[r][i] w[o][i] over the inputs i with i mod 16 = l, ascending.
    ///
    /// @param lanes scratch as in `sumInputLanes`
    void inputLanes(int inputs, int outputs, int rows, float[] x, int xAt, int xRow, float[] w, int wAt, int wRow,
            float[] lanes, int lanesAt);

    /// lanes[i] = Σ_o dy[o] w[o][i] for 32 inputs, summed in virtual lanes over the outputs.
    ///
    /// @param lanes scratch of a tile
    void outputLanes(int outputs, float[] dy, int dyAt, float[] w, int wAt, int wRow, float[] lanes);

    /// y[r][o] = bias[o] + Σ_l lanes[r][o][l], summed as a tree, which overwrites the lanes; 0 for o from `outputs` to
    /// 15.
    void addLanes(int rows, int outputs, float[] lanes, int lanesAt, float[] bias, int biasAt, float[] y, int yAt,
            int yRow);

    /// g[o][i] = scale · Σ_r x[r][i] dy[r][o], r ascending, for 32 inputs; rows of 32.
    void weightGradientsInLanes(int outputs, int rows, float scale, float[] x, int xAt, int xRow, float[] dy, int dyAt,
            int dyRow, float[] g, int gAt);
}
