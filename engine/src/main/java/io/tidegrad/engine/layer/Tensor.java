package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Panels;

/// A tensor as declared: its name, logical shape, layout in memory and start. Not a single value of it: those lie in a
/// `Slab`.
public sealed interface Tensor {
    /// Place and parameter: `2.weight`.
    String name();

    /// Logical shape (rows, columns); in the streams row after row.
    int rows();

    int columns();

    /// The weights of a dense layer, (inputs, outputs), in panels.
    ///
    /// @param fanIn inputs that one output sums over
    /// @param fanOut outputs that one input reaches
    /// @param servedByOutput whether it lies output after output where it is only served, as forward then wants it
    record Matrix(String name, Panels panels, Initialization initialization, int fanIn, int fanOut,
            boolean servedByOutput) implements Tensor {
        Matrix(String name, Panels panels, Initialization initialization, int fanIn, int fanOut) {
            this(name, panels, initialization, fanIn, fanOut, false);
        }

        @Override
        public int rows() {
            return panels.inputs();
        }

        @Override
        public int columns() {
            return panels.outputs();
        }
    }

    /// (1, columns), padded to the stride of its layer.
    record Vector(String name, int columns, int stride, Role role) implements Tensor {
        /// Padded as an activation of that width.
        Vector(String name, int columns, Role role) {
            this(name, columns, Workspace.padded(columns), role);
        }

        public enum Role {
            /// Is added; starts at 0.
            BIAS,
            /// Multiplies; starts at 1.
            SCALE
        }

        @Override
        public int rows() {
            return 1;
        }
    }

    /// An embedding table. Each row lies beside its optimizer state.
    ///
    /// @param reads table rows that one row of a batch reads
    /// @param touchedOnly whether a step changes only the rows it read
    /// @param paddingIndex the row that no step changes; -1 for none
    record Table(String name, int rows, int columns, int reads, boolean touchedOnly,
            int paddingIndex) implements Tensor {
    }

    /// Doubles that a layer learns from its inputs: no gradient, no optimizer state; all start at `start`.
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
