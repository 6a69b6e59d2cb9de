package io.tidegrad.engine.kernel;

/// The definition of `TableKernels`.
interface ScalarTableKernels extends TableKernels {
    @Override
    default void readRows(int columns, int count, int[] ids, int idsAt, int shift, int rowFloats, float[][] blocks,
            float[] y, int yAt) {
        int mask = (1 << shift) - 1;
        for (int i = 0; i < count; i++) {
            int id = ids[idsAt + i];
            int at = (id & mask) * rowFloats;
            System.arraycopy(blocks[id >>> shift], at, y, yAt + i * columns, columns);
        }
    }

    @Override
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
                ScalarOptimizerKernels.updateOne(step, scale * g[gAt[idsAt + i] + c], blocks[block], at + c,
                        states[block], at + columns + c, columns);
            }
        }
    }
}
