package io.tidegrad.engine.kernel;

/// Reads and updates many rows of a table at once. Row `id` starts at `(id mod 2^shift) · rowFloats` of `blocks[id >>>
/// shift]`: its `columns` weights, then its state, part after part. One call handles many rows, because in a large
/// table each row is a cache miss, and misses in one loop overlap.
interface TableKernels {
    /// y[i] = w[ids[i]], for `count` rows, one after the other.
    void readRows(int columns, int count, int[] ids, int idsAt, int shift, int rowFloats, float[][] blocks, float[] y,
            int yAt);

    /// Applies the optimizer to the `count` rows starting at `ids[idsAt]`, which are distinct; the gradient of row
    /// `ids[i]` is `scale` times the columns starting at `g[gAt[i]]`.
    ///
    /// @param states for each block, the block itself once per part of the state
    void updateRows(OptimizerStep step, int columns, int count, int[] ids, int idsAt, int shift, int rowFloats,
            float[][] blocks, float[][][] states, float scale, float[] g, int[] gAt);
}
