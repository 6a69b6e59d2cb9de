package io.tidegrad.engine.kernel;

/// Updates from given gradients and from column sums. The updates of `DenseKernels` and `ConvolutionKernels` compute
/// their gradients from products.
interface OptimizerKernels {
    /// Applies the optimizer to `length` given gradients (of an embedding row, for example).
    ///
    /// @param state part p of the state of weight i is `state[p][stateAt + p * stateStride + i]`: stride 0 if each part
    ///     has its own array, the row's length if all are in the row
    void update(OptimizerStep step, int length, float[] g, int gAt, float[] w, int wAt, float[][] state, int stateAt,
            int stateStride);

    /// db[o] = scale · Σ_r dy[r][o] (r ascending: starts with row 0, adds), applied to `bias` at once.
    ///
    /// @param state one array per part, each laid out like `bias`
    void biasUpdate(OptimizerStep step, int width, int rows, float scale, float[] dy, int dyAt, int dyStride,
            float[] bias, float[][] state, float[] tile);
}
