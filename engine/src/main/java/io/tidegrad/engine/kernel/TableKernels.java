package io.tidegrad.engine.kernel;

/// Reads and updates many rows of a table at once. Row `id` starts at `(id mod 2^shift) · rowFloats` of `blocks[id >>>
/// shift]`: its `columns` weights, then its state, part after part. One call handles many rows, because in a large
/// table each row is a cache miss, and misses in one loop overlap.
interface TableKernels {
    /// y[i] = w[ids[i]], for `count` rows, one after the other.
    default void readRows(int columns, int count, int[] ids, int idsAt, int shift, int rowFloats, float[][] blocks,
            float[] y, int yAt) {
        int mask = (1 << shift) - 1;
        for (int i = 0; i < count; i++) {
            int id = ids[idsAt + i];
            int at = (id & mask) * rowFloats;
            System.arraycopy(blocks[id >>> shift], at, y, yAt + i * columns, columns);
        }
    }

    /// Applies the optimizer to the `count` rows starting at `ids[idsAt]`, which are distinct; the gradient of row
    /// `ids[i]` is `scale` times the columns starting at `g[gAt[i]]`.
    ///
    /// @param states for each block, the block itself once per part of the state
    default void updateRows(OptimizerStep step, int columns, int count, int[] ids, int idsAt, int shift, int rowFloats,
            float[][] blocks, float[][][] states, float scale, float[] g, int[] gAt) {
        updateColumns(step, 0, columns, count, ids, idsAt, shift, rowFloats, blocks, states, scale, g, gAt);
    }

    /// Updates only the columns starting at `fromColumn`.
    static void updateColumns(OptimizerStep step, int fromColumn, int columns, int count, int[] ids, int idsAt,
            int shift, int rowFloats, float[][] blocks, float[][][] states, float scale, float[] g, int[] gAt) {
        int mask = (1 << shift) - 1;
        for (int i = 0; i < count; i++) {
            int block = ids[idsAt + i] >>> shift;
            int at = (ids[idsAt + i] & mask) * rowFloats;
            for (int c = fromColumn; c < columns; c++) {
                OptimizerKernels.updateOne(step, scale * g[gAt[idsAt + i] + c], blocks[block], at + c, states[block],
                        at + columns + c, columns);
            }
        }
    }
}
