package io.tidegrad.engine.kernel;

/// Kernels for panels of 16: forward in 16 virtual lanes for many inputs, and weight gradients with inputs in the
/// lanes.
interface VectorNarrowKernels {
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

    /// y[r][o] = bias[o] + Σ_l lanes[r][o][l], summed as a tree, which overwrites the lanes; 0 for o from `outputs` to
    /// 15.
    void addLanes(int rows, int outputs, float[] lanes, int lanesAt, float[] bias, int biasAt, float[] y, int yAt,
            int yRow);

    /// g[o][i] = scale · Σ_r x[r][i] dy[r][o], r ascending, for 32 inputs; rows of 32.
    void weightGradientsInLanes(int outputs, int rows, float scale, float[] x, int xAt, int xRow, float[] dy, int dyAt,
            int dyRow, float[] g, int gAt);
}
