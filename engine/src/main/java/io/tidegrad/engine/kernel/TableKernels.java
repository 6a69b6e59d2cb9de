package io.tidegrad.engine.kernel;

/// Many rows of a table at once. Row `id` starts at `(id mod 2^shift) · rowFloats` of `blocks[id >>> shift]`: its
/// `columns` weights, then its state, part after part. One call for many rows, because in a large table each row is a
/// cache miss, and those of one loop are under way together.
interface TableKernels {
    /// y[i] = w[ids[i]], `count` rows side by side.
    void readRows(int columns, int count, int[] ids, int idsAt, int shift, int rowFloats, float[][] blocks, float[] y,
            int yAt);

    /// The optimizer on `count` rows, `ids[idsAt]` and so on, which are distinct; the gradient of row `ids[i]` is
    /// `scale` times the columns from `g[gAt[i]]` on.
    ///
    /// @param states for each block, itself as often as the state has parts
    void updateRows(OptimizerStep step, int columns, int count, int[] ids, int idsAt, int shift, int rowFloats,
            float[][] blocks, float[][][] states, float scale, float[] g, int[] gAt);
}
