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
    record Matrix(String name, Panels panels, Initialization initialization) implements Tensor {
        @Override
        public int rows() {
            return panels.inputs();
        }

        @Override
        public int columns() {
            return panels.outputs();
        }
    }

    /// A bias, (1, columns), padded to the stride of its layer; starts at 0.
    record Vector(String name, int columns, int stride) implements Tensor {
        @Override
        public int rows() {
            return 1;
        }
    }

    /// An embedding table. Each row lies beside its optimizer state.
    ///
    /// @param reads table rows that one row of a batch reads
    /// @param touchedOnly whether a step changes only the rows it read
    record Table(String name, int rows, int columns, int reads, boolean touchedOnly)
            implements Tensor {}

    /// Doubles that a layer learns from its inputs: no gradient, no optimizer state; start at 0.
    record Statistics(String name, int columns) implements Tensor {
        @Override
        public int rows() {
            return 1;
        }
    }
}
