package io.tidegrad.engine.layer;

/// Reads `columns` ids of the row, starting at `from`; each selects a row of one table (rows, dimension). Its output is
/// the concatenation of these vectors (columns · dimension).
///
/// The table starts uniform within ±`START`, because an id that was never seen, which is common with hashed categories,
/// should contribute little to a prediction. Random signs are enough to break the symmetry.
///
/// @param paddingIndex a table row that is read but never changed by optimizer or regularization; or `NO_PADDING`
/// @param start the bound of the first weights; 0 where no layer behind the table has to tell its columns apart
public record Embedding(int from, int columns, int rows, int dimension, Update update, int paddingIndex,
        float start) implements Layer {
    /// There is no padding row: every row learns.
    public static final int NO_PADDING = -1;

    /// Keras's default. Progressive log loss of 223,874 Houston flights of 2011 (dimension 4, Adam, batch 1): 0.4468
    /// with ±0.01, 0.4472 with ±0.05, 0.4498 with ±0.2, 0.4526 with ±0.5; PyTorch's standard normal is larger still.
    public static final float START = 0.05f;

    /// The most outputs for a row: more are taken for a mistake in the spec.
    private static final int OUTPUTS_MAX = 1 << 20;

    /// Which rows a step updates: only the touched ones (the default; forward, backward, optimizer and page marks visit
    /// no others, and Adam decays only touched moments, with the global step in its bias correction), or every row, as
    /// in the textbook.
    public enum Update {
        TOUCHED, DENSE
    }

    public Embedding(int from, int columns, int rows, int dimension, Update update) {
        this(from, columns, rows, dimension, update, NO_PADDING);
    }

    public Embedding(int from, int columns, int rows, int dimension, Update update, int paddingIndex) {
        this(from, columns, rows, dimension, update, paddingIndex, START);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Row row = planner.row(this, input);
        requireIds(planner, this, from, columns, row);
        requireTable(planner, this, rows, dimension);
        if (paddingIndex < NO_PADDING || paddingIndex >= rows) {
            throw planner.mismatch(this, "a padding index from 0 to " + (rows - 1) + ", or -1 for none",
                    "" + paddingIndex);
        }
        if ((long) columns * dimension > OUTPUTS_MAX) {
            throw planner.mismatch(this, "at most 2^20 outputs", columns + " ids of dimension " + dimension);
        }
        Tensor.Table table = new Tensor.Table(planner.name("weight"), rows, dimension, columns,
                update == Update.TOUCHED, paddingIndex, start);
        int tensor = planner.declare(table);
        return new Planned(Shape.Grid.vector(columns * dimension), true,
                (workspace, x, into) -> new Bound(from, columns, new Lookups(tensor, table, workspace),
                        into != null ? into : workspace.activation(1, columns * dimension, true)));
    }

    static void requireIds(Planner planner, Layer layer, int from, int columns, Shape.Row row) {
        if (from < 0 || columns < 1 || (long) from + columns > row.ids()) {
            throw planner.mismatch(layer, "at least one id, all within the row's " + row.ids(),
                    "ids " + from + " to " + ((long) from + columns - 1));
        }
    }

    static void requireTable(Planner planner, Layer layer, int rows, int dimension) {
        if (rows < 1 || dimension < 1) {
            throw planner.mismatch(layer, "a table of at least (1, 1)", "(" + rows + ", " + dimension + ")");
        }
    }

    /// @param columns how many ids it reads
    record Bound(int from, int columns, Lookups lookups, Activation output) implements Pass {
        /// y[c] = table[id[c]]
        @Override
        public void forward(Step step) {
            Block y = output.value();
            for (int row = 0; row < step.rows; row++) {
                lookups.read(step, row, from, columns, y.values, y.row(row));
            }
        }

        @Override
        public double inputMagnitude(Step step) {
            return (double) step.rows * columns;
        }

        @Override
        public void backward(Step step) {
            if (!lookups.isFrozen(step)) {
                lookups.backward(step, step.ids, step.idsPerRow, from, columns, output.requireGradient());
            }
        }
    }
}
