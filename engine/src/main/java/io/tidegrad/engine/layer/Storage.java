package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Where the values of one tensor lie. No array is longer than it need be, and none nears 2^31 floats: tables are cut
/// into blocks, so that they can also grow.
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

        /// How many weights from this one on, in the order of the stream, lie `step()` apart; a part of the state ends
        /// with its row.
        int run(int row, int column);

        default int step() {
            return 1;
        }
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
            return tensor instanceof Tensor.Matrix matrix ? matrix.panels().index(row, column) : column;
        }

        @Override
        public int run(int row, int column) {
            int rest = tensor.columns() - column;
            if (tensor instanceof Tensor.Matrix matrix) {
                int width = matrix.panels().width();
                return Math.min(rest, width - column % width);
            }
            return rest;
        }
    }

    /// A matrix of which no more than forward is wanted: output after output, the inputs of each side by side, as sums
    /// in lanes read them (`KernelBenchmark`, "forward by output").
    record ByOutput(Tensor.Matrix matrix, float[] weights) implements Floats {
        static ByOutput of(Tensor.Matrix matrix) {
            return new ByOutput(matrix, new float[matrix.panels().lengthByOutput()]);
        }

        @Override
        public float[] array(int part, int row) {
            return weights;
        }

        @Override
        public int index(int part, int row, int column) {
            return column * step() + row;
        }

        @Override
        public int run(int row, int column) {
            return matrix.columns() - column;
        }

        @Override
        public int step() {
            return matrix.panels().strideByOutput();
        }
    }

    /// An embedding table: blocks of rows, each row the weights, then the state part after part, so that a touched row
    /// and its state share cache lines.
    ///
    /// @param shift log2 of the rows of a block
    /// @param states for each block, itself as often as the state has parts: what kernels take
    /// @param packed the writer's scratch for short rows; null where rows are long
    /// @param near the writer's scratch: what was read to have it near
    record Rows(int rows, int columns, int rowFloats, int shift, float[][] blocks, float[][][] states,
            @Nullable PackedRows packed, float[] near) implements Floats {
        /// 256 MiB a block: what fits one block is found with half the instructions, which gather's cache misses wait
        /// for.
        private static final int BLOCK_FLOATS_MAX = 1 << 26;

        /// Their lines stay in the first-level cache: 512 of two floats, 32 KB. Of 10,240 rows in a table of 32 MB,
        /// reading two floats took 12.3 ns a row in pairs, 7.4 one after the other in blocks of 512, 9.8 in blocks of
        /// 64.
        private static final int GATHERED_AT_ONCE = 512;

        /// Long rows that stay in the first-level cache together: 32 of 64 floats with two parts of state take 24 KB.
        static final int ROWS_A_BLOCK = 32;

        private static final int FLOATS_A_LINE = 16;

        private static final float[][] NO_STATE = {};

        /// 8 KiB a block where it is served: what a new version copies of the one before for each row that changed.
        private static final int SHARED_BLOCK_FLOATS_MAX = 1 << 11;

        static Rows of(Tensor.Table table, int stateParts) {
            return of(table, stateParts, BLOCK_FLOATS_MAX);
        }

        static Rows shareable(Tensor.Table table) {
            return of(table, 0, SHARED_BLOCK_FLOATS_MAX);
        }

        static Rows of(Tensor.Table table, int stateParts, int blockFloatsMax) {
            int rowFloats = Math.multiplyExact(table.columns(), 1 + stateParts);
            int shift = 31 - Integer.numberOfLeadingZeros(Math.max(1, blockFloatsMax / rowFloats));
            float[][] blocks = new float[Math.ceilDiv(table.rows(), 1 << shift)][];
            float[][][] states = new float[blocks.length][][];
            for (int block = 0; block < blocks.length; block++) {
                int blockRows = Math.min(1 << shift, table.rows() - (block << shift));
                blocks[block] = new float[blockRows * rowFloats];
                states[block] = stateParts == 0 ? NO_STATE : new float[stateParts][];
                Arrays.fill(states[block], blocks[block]);
            }
            return new Rows(table.rows(), table.columns(), rowFloats, shift, blocks, states,
                    PackedRows.areWorthIt(table.columns()) ? new PackedRows(table.columns(), PackedRows.ROWS_A_BLOCK)
                            : null,
                    new float[ROWS_A_BLOCK]);
        }

        /// The same blocks under pointers of its own, so that some of them can be replaced.
        Rows sharing() {
            return new Rows(rows, columns, rowFloats, shift, blocks.clone(), states, packed, near);
        }

        float[] block(int row) {
            return blocks[row >>> shift];
        }

        /// Index of the row's first weight in its block.
        int at(int row) {
            return (row & (1 << shift) - 1) * rowFloats;
        }

        /// Copies one float of each of `count` rows: that at `offset` in the row. Short on purpose: of a large table
        /// each load is a cache miss, and the fewer instructions lie between two, the more of them are under way at
        /// once.
        void gather(int[] ids, int from, int count, int offset, float[] to, int toAt) {
            if (blocks.length == 1) {
                gather(blocks[0], rowFloats, ids, from, count, offset, to, toAt);
                return;
            }
            int mask = (1 << shift) - 1;
            for (int i = 0; i < count; i++) {
                int id = ids[from + i];
                to[toAt + i] = blocks[id >>> shift][(id & mask) * rowFloats + offset];
            }
        }

        private static void gather(float[] block, int rowFloats, int[] ids, int from, int count, int offset, float[] to,
                int toAt) {
            for (int i = 0; i < count; i++) {
                to[toAt + i] = block[ids[from + i] * rowFloats + offset];
            }
        }

        /// Copies `count` rows, weights and state: float i of each row to where `to[toAt + i * apart]` and so on. Of
        /// each block of rows float by float: the first has the cache misses to itself, the others follow from near
        /// caches.
        void gatherAll(int[] ids, int from, int count, float[] to, int toAt, int apart) {
            for (int row = 0; row < count; row += GATHERED_AT_ONCE) {
                int rows = Math.min(GATHERED_AT_ONCE, count - row);
                for (int i = 0; i < rowFloats; i++) {
                    gather(ids, from + row, rows, i, to, toAt + i * apart + row);
                }
            }
        }

        /// The reverse of `gatherAll`.
        void scatterAll(float[] from, int fromAt, int apart, int[] ids, int idsFrom, int count) {
            int pairs = rowFloats & -2;
            for (int i = 0; i < pairs; i += 2) {
                scatterPairs(from, fromAt + i * apart, apart, ids, idsFrom, count, i);
            }
            if (pairs < rowFloats) {
                int mask = (1 << shift) - 1;
                for (int i = 0; i < count; i++) {
                    int id = ids[idsFrom + i];
                    blocks[id >>> shift][(id & mask) * rowFloats + pairs] = from[fromAt + pairs * apart + i];
                }
            }
        }

        /// Floats `offset` and the one behind it.
        private void scatterPairs(float[] from, int fromAt, int apart, int[] ids, int idsFrom, int count, int offset) {
            if (blocks.length == 1) {
                scatterPairs(blocks[0], rowFloats, from, fromAt, apart, ids, idsFrom, count, offset);
                return;
            }
            int mask = (1 << shift) - 1;
            for (int i = 0; i < count; i++) {
                int id = ids[idsFrom + i];
                float[] block = blocks[id >>> shift];
                int at = (id & mask) * rowFloats + offset;
                block[at] = from[fromAt + i];
                block[at + 1] = from[fromAt + apart + i];
            }
        }

        private static void scatterPairs(float[] block, int rowFloats, float[] from, int fromAt, int apart, int[] ids,
                int idsFrom, int count, int offset) {
            for (int i = 0; i < count; i++) {
                int at = ids[idsFrom + i] * rowFloats + offset;
                block[at] = from[fromAt + i];
                block[at + 1] = from[fromAt + apart + i];
            }
        }

        /// The optimizer on one row, whose gradient starts at `g[gAt]`.
        void update(Kernels kernels, OptimizerStep optimizer, int row, float[] g, int gAt) {
            int at = at(row);
            kernels.update(optimizer, columns, g, gAt, block(row), at, states[row >>> shift], at + columns, columns);
        }

        /// Copies the weights of `count` rows side by side.
        ///
        /// @param near the reader's scratch, for `ROWS_A_BLOCK` floats
        void read(Kernels kernels, int[] ids, int idsAt, int count, float[] y, int yAt, float[] near) {
            for (int from = 0; from < count; from += ROWS_A_BLOCK) {
                int rows = Math.min(ROWS_A_BLOCK, count - from);
                bringNear(ids, idsAt + from, rows, columns, near);
                kernels.readRows(columns, rows, ids, idsAt + from, shift, rowFloats, blocks, y, yAt + from * columns);
            }
        }

        /// Reads one float of each cache line of some rows, up to float `length` of each. What is done with a row lies
        /// between its cache misses and those of the next; loops that only read have many under way at once.
        private void bringNear(int[] ids, int from, int rows, int length, float[] near) {
            for (int i = 0; i < length; i += FLOATS_A_LINE) {
                gather(ids, from, rows, i, near, 0);
            }
            gather(ids, from, rows, length - 1, near, 0);
        }

        /// The optimizer on the first `count` rows of `ids`, which are distinct; the gradient of row `ids[i]` is
        /// `scale` times the columns from `g[gAt[i]]` on.
        void update(Kernels kernels, OptimizerStep optimizer, int[] ids, int count, float scale, float[] g, int[] gAt) {
            if (packed == null) {
                updateLong(kernels, optimizer, ids, count, scale, g, gAt);
                return;
            }
            for (int from = 0; from < count; from += PackedRows.ROWS_A_BLOCK) {
                packed.gather(this, ids, from, Math.min(PackedRows.ROWS_A_BLOCK, count - from));
                packed.setGradients(scale, g, gAt, from);
                packed.update(kernels, optimizer);
                packed.scatter(this, ids, from);
            }
        }

        private void updateLong(Kernels kernels, OptimizerStep optimizer, int[] ids, int count, float scale, float[] g,
                int[] gAt) {
            for (int from = 0; from < count; from += ROWS_A_BLOCK) {
                int rows = Math.min(ROWS_A_BLOCK, count - from);
                bringNear(ids, from, rows, rowFloats, near);
                kernels.updateRows(optimizer, columns, rows, ids, from, shift, rowFloats, blocks, states, scale, g,
                        gAt);
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
        public int run(int row, int column) {
            return rowFloats == columns ? block(row).length - at(row) - column : columns - column;
        }
    }

    /// The gradients of a table's touched rows, side by side in order of first touch.
    final class Touched implements Storage {
        private final int[] rows;
        private final int[] valuesAt; // where the gradient of each begins
        private final float[] values; // (touched rows, columns)
        private int count;

        private Touched(int capacity, int columns) {
            rows = new int[capacity];
            values = new float[Math.multiplyExact(capacity, columns)];
            valuesAt = new int[capacity];
            Arrays.setAll(valuesAt, i -> i * columns);
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

        int[] valuesAt() {
            return valuesAt;
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

    record Doubles(double[] values) implements Storage {
    }
}
