package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.Arrays;

/// Where the values of one tensor lie. No array is longer than it need be, and none nears 2^31 floats: tables are cut into
/// blocks, so that they can also grow.
public sealed interface Storage {

    /// All zero.
    static Storage of(Tensor tensor, int stateParts) {
        return switch (tensor) {
            case Tensor.Matrix matrix -> Dense.of(matrix, matrix.panels().length(), stateParts);
            case Tensor.Vector vector -> Dense.of(vector, vector.stride(), stateParts);
            case Tensor.Table table -> Rows.of(table, stateParts);
            case Tensor.Statistics statistics -> new Doubles(new double[statistics.columns()]);
        };
    }

    /// Storage of floats, addressed by logical row, column and part: 0 is the weight, from 1 on the parts of the
    /// optimizer's state. For streams, initialisation and tests; kernels take the arrays.
    sealed interface Floats extends Storage {
        float[] array(int part, int row);

        int index(int part, int row, int column);

        /// How many columns from this one on lie side by side.
        int run(int column);
    }

    /// A matrix in panels or a padded vector.
    ///
    /// @param state an array for each part of the optimizer's state, laid out as the weights
    record Dense(Tensor tensor, float[] weights, float[][] state) implements Floats {
        private static Dense of(Tensor tensor, int length, int stateParts) {
            return new Dense(tensor, new float[length], new float[stateParts][length]);
        }

        @Override
        public float[] array(int part, int row) {
            return part == 0 ? weights : state[part - 1];
        }

        @Override
        public int index(int part, int row, int column) {
            return tensor instanceof Tensor.Matrix matrix
                    ? matrix.panels().index(row, column)
                    : column;
        }

        @Override
        public int run(int column) {
            int rest = tensor.columns() - column;
            if (tensor instanceof Tensor.Matrix matrix) {
                int width = matrix.panels().width();
                return Math.min(rest, width - column % width);
            }
            return rest;
        }
    }

    /// An embedding table: blocks of rows, each row the weights, then the state part after part, so that a touched row and
    /// its state share cache lines.
    ///
    /// @param shift log2 of the rows of a block
    /// @param states for each block, itself as often as the state has parts: what kernels take
    /// @param packed the writer's scratch for short rows
    record Rows(
            int rows,
            int columns,
            int rowFloats,
            int shift,
            float[][] blocks,
            float[][][] states,
            PackedRows packed)
            implements Floats {
        /// 16 MiB a block.
        private static final int BLOCK_FLOATS_MAX = 1 << 22;

        static Rows of(Tensor.Table table, int stateParts) {
            int rowFloats = Math.multiplyExact(table.columns(), 1 + stateParts);
            int shift =
                    31 - Integer.numberOfLeadingZeros(Math.max(1, BLOCK_FLOATS_MAX / rowFloats));
            float[][] blocks = new float[Math.ceilDiv(table.rows(), 1 << shift)][];
            float[][][] states = new float[blocks.length][stateParts][];
            for (int block = 0; block < blocks.length; block++) {
                int blockRows = Math.min(1 << shift, table.rows() - (block << shift));
                blocks[block] = new float[blockRows * rowFloats];
                Arrays.fill(states[block], blocks[block]);
            }
            return new Rows(
                    table.rows(),
                    table.columns(),
                    rowFloats,
                    shift,
                    blocks,
                    states,
                    new PackedRows(table.columns(), stateParts));
        }

        float[] block(int row) {
            return blocks[row >>> shift];
        }

        /// Index of the row's first weight in its block.
        int at(int row) {
            return (row & (1 << shift) - 1) * rowFloats;
        }

        /// Copies one float of each of `count` rows: that at `offset` in the row. Short on purpose: of a large table each load is
        /// a cache miss, and the fewer instructions lie between two, the more of them are under way at once.
        public void gather(int[] ids, int from, int count, int offset, float[] to, int toAt) {
            int mask = (1 << shift) - 1;
            for (int i = 0; i < count; i++) {
                int id = ids[from + i];
                to[toAt + i] = blocks[id >>> shift][(id & mask) * rowFloats + offset];
            }
        }

        /// As `gather`, two floats side by side of each row: the first ones to `to`, the second ones `apart` behind.
        void gatherPairs(
                int[] ids, int from, int count, int offset, float[] to, int toAt, int apart) {
            int mask = (1 << shift) - 1;
            for (int i = 0; i < count; i++) {
                int id = ids[from + i];
                float[] block = blocks[id >>> shift];
                int at = (id & mask) * rowFloats + offset;
                to[toAt + i] = block[at];
                to[toAt + apart + i] = block[at + 1];
            }
        }

        /// The reverse of `gather`.
        void scatter(float[] from, int fromAt, int[] ids, int idsFrom, int count, int offset) {
            int mask = (1 << shift) - 1;
            for (int i = 0; i < count; i++) {
                int id = ids[idsFrom + i];
                blocks[id >>> shift][(id & mask) * rowFloats + offset] = from[fromAt + i];
            }
        }

        /// The reverse of `gatherPairs`.
        void scatterPairs(
                float[] from,
                int fromAt,
                int apart,
                int[] ids,
                int idsFrom,
                int count,
                int offset) {
            int mask = (1 << shift) - 1;
            for (int i = 0; i < count; i++) {
                int id = ids[idsFrom + i];
                float[] block = blocks[id >>> shift];
                int at = (id & mask) * rowFloats + offset;
                block[at] = from[fromAt + i];
                block[at + 1] = from[fromAt + apart + i];
            }
        }

        /// The optimizer on one row, whose gradient starts at `g[gAt]`.
        void update(Kernels kernels, OptimizerStep optimizer, int row, float[] g, int gAt) {
            int at = at(row);
            kernels.update(
                    optimizer,
                    columns,
                    g,
                    gAt,
                    block(row),
                    at,
                    states[row >>> shift],
                    at + columns,
                    columns);
        }

        /// The optimizer on `count` rows of these ids, whose gradients lie side by side in `g`. The ids are distinct.
        public void update(
                Kernels kernels, OptimizerStep optimizer, int[] ids, int count, float[] g) {
            if (packed.isWorthIt()) {
                packed.update(kernels, optimizer, this, ids, count, g);
                return;
            }
            for (int i = 0; i < count; i++) {
                update(kernels, optimizer, ids[i], g, i * columns);
            }
        }

        @Override
        public float[] array(int part, int row) {
            return block(row);
        }

        @Override
        public int index(int part, int row, int column) {
            return at(row) + part * columns + column;
        }

        @Override
        public int run(int column) {
            return columns - column;
        }
    }

    /// The gradients of a table's touched rows, side by side in order of first touch.
    final class Touched implements Storage {
        private final int[] rows;
        private final float[] values; // (touched rows, columns)
        private int count;

        private Touched(int capacity, int columns) {
            rows = new int[capacity];
            values = new float[Math.multiplyExact(capacity, columns)];
        }

        static Touched of(Tensor.Table table, int maxRows) {
            long reads = (long) maxRows * table.reads();
            return new Touched((int) Math.min(reads, table.rows()), table.columns());
        }

        /// From now on it holds the gradients of these rows.
        void set(int[] ids, int count) {
            System.arraycopy(ids, 0, rows, 0, count);
            this.count = count;
        }

        int[] rows() {
            return rows;
        }

        public int count() {
            return count;
        }

        public int row(int i) {
            return rows[i];
        }

        /// Shape (count, columns), then whatever earlier steps left.
        public float[] values() {
            return values;
        }
    }

    record Doubles(double[] values) implements Storage {}
}
