package io.tidegrad.engine.kernel;

/// The optimizer's step where gradients are at hand, or are mere sums of columns. The updates of `DenseKernels` and
/// `ConvolutionKernels` compute theirs from products.
interface OptimizerKernels {
    /// The optimizer on `length` given gradients (an embedding row, say).
    ///
    /// @param state part p of the state of weight i is `state[p][stateAt + p * stateStride + i]`: stride 0 where each
    ///     part has an array of its own, the row's length where all lie in the row
    void update(OptimizerStep step, int length, float[] g, int gAt, float[] w, int wAt, float[][] state, int stateAt,
            int stateStride);

    /// db[o] = scale · Σ_r dy[r][o] (r ascending: starts with row 0, adds), applied at once to `bias`.
    ///
    /// @param state an array a part, each laid out as `bias`
    void biasUpdate(OptimizerStep step, int width, int rows, float scale, float[] dy, int dyAt, int dyStride,
            float[] bias, float[][] state, float[] tile);
}
