package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import io.tidegrad.engine.kernel.Panels;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The arrays that hold the values of one tensor. Tables are cut into blocks, so that no array comes near 2^31 floats.
public sealed interface Storage {

    /// Storage that is all zero.
    static Storage of(Tensor tensor, int stateParts) {
        return switch (tensor) {
            case Tensor.Matrix matrix -> Dense.of(matrix, matrix.panels().length(), stateParts);
            case Tensor.Vector vector -> Dense.of(vector, vector.stride(), stateParts);
            case Tensor.Table table -> Rows.of(table, stateParts);
            case Tensor.Statistics statistics -> new Doubles(new double[statistics.columns()]);
        };
    }

    /// Storage of floats, addressed by logical row, column and part: part 0 is the weight, parts from 1 on are the
    /// optimizer's state. For streams, initialisation and tests; kernels use the arrays.
    sealed interface Floats extends Storage {
        float[] array(int part, int row);

        int index(int part, int row, int column);

        /// The number of weights, starting with this one and in the stream's order, that are `step()` apart. A part of
        /// the state ends with its row.
        int run(int row, int column);

        default int step() {
            return 1;
        }

        /// Visits the values of one part, in row-major order.
        default void visit(Tensor tensor, int part, Visitor visitor) {
            int columns = tensor.columns();
            for (int row = 0; row < tensor.rows(); row++) {
                float[] array = array(part, row);
                for (int column = 0; column < columns; column++) {
                    visitor.visit(array, index(part, row, column), (long) row * columns + column);
                }
            }
        }
    }

    @FunctionalInterface
    interface Visitor {
        /// @param number of the value in row-major order
        void visit(float[] array, int index, long number);
    }

    /// The values of one part, shape (rows, columns), row-major, whatever their layout in memory.
    default float[] read(Tensor tensor, int part) {
        float[] values = new float[Math.multiplyExact(tensor.rows(), tensor.columns())];
        floats(tensor).visit(tensor, part, (array, index, number) -> values[(int) number] = array[index]);
        return values;
    }

    /// Sets the values of one part, shape (rows, columns), row-major.
    default void write(Tensor tensor, int part, float[] values) {
        if (values.length != (long) tensor.rows() * tensor.columns()) {
            throw new IllegalArgumentException("%s: expected shape (%d, %d), found %d floats".formatted(tensor.name(),
                    tensor.rows(), tensor.columns(), values.length));
        }
        floats(tensor).visit(tensor, part, (array, index, number) -> array[index] = values[(int) number]);
    }

    private Floats floats(Tensor tensor) {
        if (this instanceof Floats floats) {
            return floats;
        }
        throw new IllegalArgumentException(tensor.name() + " holds statistics, not weights");
    }

    /// A matrix as its panels lay it out, or a padded vector.
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
            if (tensor instanceof Tensor.Matrix matrix && !matrix.panels().byOutput()) {
                int width = matrix.panels().width();
                return Math.min(rest, width - column % width);
            }
            return rest;
        }

        @Override
        public int step() {
            Panels byOutput = byOutput();
            return byOutput == null ? 1 : byOutput.strideByOutput();
        }

        /// The layout of a matrix that lies output after output; null for everything else.
        @Nullable
        Panels byOutput() {
            return tensor instanceof Tensor.Matrix matrix && matrix.panels().byOutput() ? matrix.panels() : null;
        }
    }

    /// An embedding table in blocks of rows. Each row has its weights, then its state, part after part, so that a row
    /// and its state share cache lines.
    ///
    /// @param shift log2 of the rows of a block
    /// @param states the arguments of kernels: for each block, the block itself once per part of the state
    /// @param packed the writer's scratch for short rows; null if rows are long
    /// @param near the writer's scratch for `bringNear`
    record Rows(int rows, int columns, int rowFloats, int shift, float[][] blocks, float[][][] states,
            @Nullable PackedRows packed, float[] near) implements Floats {
        /// 256 MiB per block: a table in one block needs half the instructions to find a row, and gather's cache misses
        /// wait for these.
        private static final int BLOCK_FLOATS_MAX = 1 << 26;

        /// Rows gathered at once, so that their cache lines stay in the first-level cache: 512 of two floats take 32
        /// KB. Of 10,240 rows in a table of 32 MB, reading two floats took 12.3 ns a row when both floats of a row were
        /// read together; read one float of each row at a time, it took 7.4 ns in blocks of 512 and 9.8 ns in blocks of
        /// 64.
        private static final int GATHERED_AT_ONCE = 512;

        /// Long rows processed together, so that they stay in the first-level cache: 32 of 64 floats with two parts of
        /// state take 24 KB.
        static final int ROWS_A_BLOCK = 32;

        private static final int FLOATS_A_LINE = 16;

        private static final float[][] NO_STATE = {};

        /// 8 KiB per block when served: a new version copies one block for each row that changed.
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

        /// Rows of the block from this one on.
        public int rowsInBlock(int row) {
            return Math.min((row | (1 << shift) - 1) + 1, rows) - row;
        }

        /// A copy that shares the blocks but has its own array of them, so that blocks can be replaced.
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

        /// Copies the float at `offset` in each of `count` rows. The loop is kept short because in a large table each
        /// load is a cache miss, and the fewer instructions are between two loads, the more misses overlap.
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

        /// Copies `count` rows, weights and state: the floats number i of all rows to `to[toAt + i * apart]` and
        /// following. It goes through each block of rows float by float: the first float causes the cache misses, the
        /// others are then in near caches.
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

        /// Writes the floats at `offset` and `offset + 1` of each row.
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

        /// Applies the optimizer to one row, whose gradient starts at `g[gAt]`.
        void update(Kernels kernels, OptimizerStep optimizer, int row, float[] g, int gAt) {
            int at = at(row);
            kernels.update(optimizer, columns, g, gAt, block(row), at, states[row >>> shift], at + columns, columns);
        }

        /// Copies the weights of `count` rows one after the other.
        ///
        /// @param near the reader's scratch of `ROWS_A_BLOCK` floats
        void read(Kernels kernels, int[] ids, int idsAt, int count, float[] y, int yAt, float[] near) {
            if (columns == 1) {
                gather(ids, idsAt, count, 0, y, yAt);
                return;
            }
            for (int from = 0; from < count; from += ROWS_A_BLOCK) {
                int rows = Math.min(ROWS_A_BLOCK, count - from);
                if (rows > 1 || columns > FLOATS_A_LINE) { // one short row lies in two cache lines at most
                    bringNear(ids, idsAt + from, rows, columns, near);
                }
                kernels.readRows(columns, rows, ids, idsAt + from, shift, rowFloats, blocks, y, yAt + from * columns);
            }
        }

        /// Prefetches rows by reading one float of each cache line, up to float `length` of each row. In a loop that
        /// also computes, the work on one row delays the cache misses of the next; in a loop that only reads, many
        /// misses overlap.
        private void bringNear(int[] ids, int from, int rows, int length, float[] near) {
            for (int i = 0; i < length; i += FLOATS_A_LINE) {
                gather(ids, from, rows, i, near, 0);
            }
            gather(ids, from, rows, length - 1, near, 0);
        }

        /// Applies the optimizer to the first `count` rows of `ids`, which are distinct; the gradient of row `ids[i]`
        /// is `scale` times the columns starting at `g[gAt[i]]`.
        void update(Kernels kernels, OptimizerStep optimizer, int[] ids, int count, float scale, float[] g, int[] gAt) {
            if (packed == null) {
                updateLong(kernels, optimizer, ids, count, scale, g, gAt);
                return;
            }
            if (count * columns <= PackedRows.FEW) {
                packed.updateFew(this, kernels, optimizer, ids, count, scale, g, gAt);
                return;
            }
            if (packed.fitOneVector(count)) {
                packed.updateInOneVector(this, kernels, optimizer, ids, count, scale, g, gAt);
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

    /// The gradients of a table's touched rows, one after the other in order of first touch.
    final class Touched implements Storage {
        private final int[] rows;
        private final int[] valuesAt; // start of each row's gradient
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

        /// Sets the rows whose gradients are held.
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

        int count() {
            return count;
        }

        /// The gradients, shape (count, columns), followed by values left from earlier steps.
        float[] values() {
            return values;
        }

        /// All gradients; 0 for rows that were not touched.
        @Override
        public float[] read(Tensor tensor, int part) {
            int columns = tensor.columns();
            float[] all = new float[Math.multiplyExact(tensor.rows(), columns)];
            for (int i = 0; i < count; i++) {
                System.arraycopy(values, i * columns, all, rows[i] * columns, columns);
            }
            return all;
        }
    }

    record Doubles(double[] values) implements Storage {
    }
}
