package io.tidegrad.engine.layer;

import java.util.Arrays;

/// Where the values of one tensor lie. No array is longer than it need be, and none nears 2^31 floats: tables are cut into
/// blocks, so that they can also grow.
public sealed interface Storage {

    void clear();

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
        static Dense of(Tensor.Matrix matrix, int stateParts) {
            return of(matrix, matrix.panels().length(), stateParts);
        }

        static Dense of(Tensor.Vector vector, int stateParts) {
            return of(vector, vector.stride(), stateParts);
        }

        private static Dense of(Tensor tensor, int length, int stateParts) {
            return new Dense(tensor, new float[length], new float[stateParts][length]);
        }

        @Override
        public void clear() {
            Arrays.fill(weights, 0);
            for (float[] part : state) {
                Arrays.fill(part, 0);
            }
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
    record Rows(
            int rows, int columns, int rowFloats, int shift, float[][] blocks, float[][][] states)
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
            return new Rows(table.rows(), table.columns(), rowFloats, shift, blocks, states);
        }

        float[] block(int row) {
            return blocks[row >>> shift];
        }

        float[][] state(int row) {
            return states[row >>> shift];
        }

        /// Index of the row's first weight in its block.
        int at(int row) {
            return (row & (1 << shift) - 1) * rowFloats;
        }

        @Override
        public void clear() {
            for (float[] block : blocks) {
                Arrays.fill(block, 0);
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

    record Doubles(double[] values) implements Storage {
        static Doubles of(Tensor.Statistics statistics) {
            return new Doubles(new double[statistics.columns()]);
        }

        @Override
        public void clear() {
            Arrays.fill(values, 0);
        }
    }
}
