package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.Arrays;

/// Scratch for updating many short table rows at once. A kernel takes as long for a row of one number as for one of 16,
/// so rows that are scattered in their table are copied together (all first weights, then all second weights, …, then
/// the state likewise), updated in one call and copied back. The bits are those of one call per row, because each
/// number is updated by itself.
public final class PackedRows {
    private static final int LANES = 16;

    /// The most state parts that an optimizer has.
    static final int STATE_PARTS_MAX = 3;

    /// Rows updated at once. They take 256 bytes for each float of a row, at most 15 KB with two parts of state, so
    /// they stay in the first-level cache.
    static final int ROWS_A_BLOCK = 64;

    /// So few numbers are updated where they lie: to pack them takes longer.
    static final int FEW = 2;

    private final int columns;
    private final float[] values; // (weights and state: row floats, stride)
    private final float[][] states = new float[STATE_PARTS_MAX][]; // `values`, once per part
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

    /// Bytes that it allocates.
    static long bytes(int columns, int maxRows) {
        return Float.BYTES * (2L + STATE_PARTS_MAX) * columns * Workspace.padded(maxRows);
    }

    /// Whether packing rows of this many columns makes their update faster.
    static boolean areWorthIt(int columns) {
        return columns < LANES;
    }

    /// Copies `rows` rows of the table into the scratch.
    public void gather(Storage.Rows table, int[] ids, int from, int rows) {
        this.rows = rows;
        // The stride is a whole number of vectors: values beyond the rows are updated too, but not copied back.
        stride = Workspace.padded(rows);
        table.gatherAll(ids, from, rows, values, 0, stride);
    }

    /// Like `gather`, but copies the weights alone.
    void gatherWeights(Storage.Rows table, int[] ids, int from, int rows) {
        this.rows = rows;
        stride = Workspace.padded(rows);
        for (int column = 0; column < columns; column++) {
            table.gather(ids, from, rows, column, values, column * stride);
        }
    }

    /// Copies the state of the rows whose weights were copied last.
    void gatherState(Storage.Rows table, int[] ids, int from) {
        for (int i = columns; i < table.rowFloats(); i++) {
            table.gather(ids, from, rows, i, values, i * stride);
        }
    }

    /// The copies, which begin with the first weight of each row.
    public float[] values() {
        return values;
    }

    /// The gradients, which begin with that of the first weight of each row.
    public float[] gradients() {
        return gradients;
    }

    /// Sets the gradient of each row to `scale` times the columns starting at `g[gAt[from + row]]`.
    void setGradients(float scale, float[] g, int[] gAt, int from) {
        for (int column = 0; column < columns; column++) {
            int to = column * stride;
            for (int row = 0; row < rows; row++) {
                gradients[to + row] = scale * g[gAt[from + row] + column];
            }
        }
    }

    /// Applies the optimizer to the copies.
    public void update(Kernels kernels, OptimizerStep optimizer) {
        int length = columns * stride;
        kernels.update(optimizer, length, gradients, 0, values, 0, states, length, length);
    }

    /// Applies the optimizer to rows where they lie, as `gather`, `setGradients`, `update` and `scatter` would.
    void updateFew(Storage.Rows table, Kernels kernels, OptimizerStep optimizer, int[] ids, int count, float scale,
            float[] g, int[] gAt) {
        for (int row = 0; row < count; row++) {
            for (int column = 0; column < columns; column++) {
                gradients[column] = scale * g[gAt[row] + column];
            }
            table.update(kernels, optimizer, ids[row], gradients, 0);
        }
    }

    /// Whether all numbers of so many rows fit one vector: then `updateInOneVector` takes one where the others take a vector for
    /// each column. A step of one row of the batch reads one row of most tables.
    boolean fitOneVector(int count) {
        return count * columns <= LANES;
    }

    /// Applies the optimizer to rows whose numbers are copied one row after the other, as `gather`, `setGradients`, `update` and
    /// `scatter` would.
    void updateInOneVector(Storage.Rows table, Kernels kernels, OptimizerStep optimizer, int[] ids, int count,
            float scale, float[] g, int[] gAt) {
        for (int row = 0; row < count; row++) {
            int to = row * columns;
            for (int column = 0; column < columns; column++) {
                gradients[to + column] = scale * g[gAt[row] + column];
            }
            float[] block = table.block(ids[row]);
            int at = table.at(ids[row]);
            for (int part = 0; part < table.rowFloats(); part += columns, to += LANES) {
                System.arraycopy(block, at + part, values, to, columns);
            }
        }
        kernels.update(optimizer, LANES, gradients, 0, values, 0, states, LANES, LANES);
        for (int row = 0; row < count; row++) {
            int from = row * columns;
            float[] block = table.block(ids[row]);
            int at = table.at(ids[row]);
            for (int part = 0; part < table.rowFloats(); part += columns, from += LANES) {
                System.arraycopy(values, from, block, at + part, columns);
            }
        }
    }

    /// Copies the rows back into the table.
    public void scatter(Storage.Rows table, int[] ids, int from) {
        table.scatterAll(values, 0, stride, ids, from, rows);
    }
}
