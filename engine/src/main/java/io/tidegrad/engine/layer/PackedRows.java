package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.Arrays;

/// Scratch in which the optimizer works on many short table rows at once. A kernel takes as long for a row of one number as for
/// one of 16; so rows that are scattered in their table are copied side by side (first all their first weights, then all
/// second ones, …, then the state likewise), updated in one call, and copied back. Bits are those of one call a row, for each
/// number is updated by itself.
final class PackedRows {
    private static final int LANES = 16;

    /// 256 bytes for each float of a row: at most 15 KB with two parts of state, so that it stays in the first-level cache.
    private static final int ROWS_MAX = 64;

    private final int columns;
    private final float[] values; // (weights and state: row floats, rows)
    private final float[][] states; // values, as often as the state has parts
    private final float[] gradients; // (columns, rows)

    PackedRows(int columns, int stateParts) {
        this.columns = columns;
        int length = columns < LANES ? columns * ROWS_MAX : 0;
        values = new float[length * (1 + stateParts)];
        states = new float[stateParts][];
        Arrays.fill(states, values);
        gradients = new float[length];
    }

    boolean isWorthIt() {
        return columns < LANES;
    }

    void update(
            Kernels kernels,
            OptimizerStep optimizer,
            Storage.Rows table,
            int[] ids,
            int count,
            float[] g) {
        for (int from = 0; from < count; from += ROWS_MAX) {
            int rows = Math.min(ROWS_MAX, count - from);
            // Whole vectors: what lies beyond the rows is updated too, and not copied back.
            int stride = Math.ceilDiv(rows, LANES) * LANES;
            for (int column = 0; column < columns; column++) {
                for (int row = 0; row < rows; row++) {
                    gradients[column * stride + row] = g[(from + row) * columns + column];
                }
            }
            int length = columns * stride;
            int pairs = table.rowFloats() & -2;
            for (int i = 0; i < pairs; i += 2) {
                table.gatherPairs(ids, from, rows, i, values, i * stride, stride);
            }
            if (pairs < table.rowFloats()) {
                table.gather(ids, from, rows, pairs, values, pairs * stride);
            }
            kernels.update(optimizer, length, gradients, 0, values, 0, states, length, length);
            for (int i = 0; i < pairs; i += 2) {
                table.scatterPairs(values, i * stride, stride, ids, from, rows, i);
            }
            if (pairs < table.rowFloats()) {
                table.scatter(values, pairs * stride, ids, from, rows, pairs);
            }
        }
    }
}
