package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Panels;

/// The declaration of a tensor: its name, logical shape, layout in memory and initialisation. Its values are in a
/// `Slab`.
public sealed interface Tensor {
    /// Name from place and parameter: `2.weight`.
    String name();

    /// Rows of the logical shape (rows, columns), which the streams store in row-major order.
    int rows();

    int columns();

    /// The weights of a dense layer, (inputs, outputs), as `panels` lays them out.
    ///
    /// @param fanIn inputs that one output sums over
    /// @param fanOut outputs that one input reaches
    record Matrix(String name, Panels panels, Initialization initialization, int fanIn, int fanOut) implements Tensor {
        @Override
        public int rows() {
            return panels.inputs();
        }

        @Override
        public int columns() {
            return panels.outputs();
        }
    }

    /// A vector (1, columns), padded to the stride of its layer.
    record Vector(String name, int columns, int stride, Role role) implements Tensor {
        public enum Role {
            /// The vector is added; it starts at 0.
            BIAS,
            /// The vector multiplies; it starts at 1.
            SCALE
        }

        @Override
        public int rows() {
            return 1;
        }
    }

    /// An embedding table. Each row is stored next to its optimizer state.
    ///
    /// @param reads table rows that one row of a batch reads
    /// @param touchedOnly whether a step changes only the rows it read
    /// @param paddingIndex the row that no step changes; -1 for none
    /// @param start the bound within which the first weights are drawn
    record Table(String name, int rows, int columns, int reads, boolean touchedOnly, int paddingIndex,
            float start) implements Tensor {
    }

    /// Doubles that a layer learns from its inputs, without gradient and optimizer state; all start at `start`.
    record Statistics(String name, int columns, double start) implements Tensor {
        Statistics(String name, int columns) {
            this(name, columns, 0);
        }

        @Override
        public int rows() {
            return 1;
        }
    }
}
