package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.Arrays;

/// Scratch in which the optimizer works on many short table rows at once. A kernel takes as long for a row of one
/// number as for one of 16; so rows that are scattered in their table are copied side by side (first all their first
/// weights, then all second ones, …, then the state likewise), updated in one call, and copied back. Bits are those of
/// one call a row, for each number is updated by itself.
public final class PackedRows {
    private static final int LANES = 16;

    /// No optimizer has more.
    private static final int STATE_PARTS_MAX = 3;

    /// 256 bytes for each float of a row: at most 15 KB with two parts of state, so that it stays in the first-level
    /// cache.
    static final int ROWS_A_BLOCK = 64;

    private final int columns;
    private final float[] values; // (weights and state: row floats, stride)
    private final float[][] states = new float[STATE_PARTS_MAX][]; // values, for each part
    private final float[] gradients; // (columns, stride)
    private int rows;
    private int stride;

    public PackedRows(int columns, int maxRows) {
        this.columns = columns;
        int length = Math.multiplyExact(columns, Workspace.padded(maxRows));
        values = new float[Math.multiplyExact(length, 1 + STATE_PARTS_MAX)];
        Arrays.fill(states, values);
        gradients = new float[length];
    }

    /// What it takes.
    static long bytes(int columns, int maxRows) {
        return Float.BYTES * (2L + STATE_PARTS_MAX) * columns * Workspace.padded(maxRows);
    }

    /// Whether a kernel would be faster with rows of so many columns packed.
    static boolean areWorthIt(int columns) {
        return columns < LANES;
    }

    /// Copies `rows` rows of the table.
    public void gather(Storage.Rows table, int[] ids, int from, int rows) {
        this.rows = rows;
        // Whole vectors: what lies beyond the rows is updated too, and not copied back.
        stride = Workspace.padded(rows);
        table.gatherAll(ids, from, rows, values, 0, stride);
    }

    /// The first weight of each row, then whatever else.
    public float[] values() {
        return values;
    }

    /// The gradient of the first weight of each row comes first.
    public float[] gradients() {
        return gradients;
    }

    /// Sets the gradients of the rows: `scale` times the columns from `g[gAt[from + row]]` on.
    void setGradients(float scale, float[] g, int[] gAt, int from) {
        for (int column = 0; column < columns; column++) {
            int to = column * stride;
            for (int row = 0; row < rows; row++) {
                gradients[to + row] = scale * g[gAt[from + row] + column];
            }
        }
    }

    /// The optimizer on the copies.
    public void update(Kernels kernels, OptimizerStep optimizer) {
        int length = columns * stride;
        kernels.update(optimizer, length, gradients, 0, values, 0, states, length, length);
    }

    /// Copies the rows back.
    public void scatter(Storage.Rows table, int[] ids, int from) {
        table.scatterAll(values, 0, stride, ids, from, rows);
    }
}
