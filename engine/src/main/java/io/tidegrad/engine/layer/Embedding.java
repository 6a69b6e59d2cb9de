package io.tidegrad.engine.layer;

import java.util.Arrays;

/// Reads `columns` ids of the row, starting at `from`; each selects a row of one table (rows, dimension); their vectors
/// stand side by side in the output (columns · dimension).
///
/// The table starts uniform within ±`START`: an id never seen before should add next to nothing to a prediction, which
/// with hashed categories happens every day; the random signs are enough to break the symmetry.
public record Embedding(int from, int columns, int rows, int dimension, Update update)
        implements Layer {
    /// Keras's default. Progressive log loss of 223,874 Houston flights of 2011 (dimension 4, Adam, batch 1): 0.4468 with
    /// ±0.01, 0.4472 with ±0.05, 0.4498 with ±0.2, 0.4526 with ±0.5; PyTorch's standard normal is louder still.
    public static final float START = 0.05f;

    /// A million floats a row are a mistake, not a model.
    private static final int OUTPUTS_MAX = 1 << 20;

    /// Who is updated: touched rows only (the default: forward, backward, optimizer, page marks visit nothing else;
    /// touched Adam decays only touched moments, with the global step in its bias correction), or the textbook's every
    /// row.
    public enum Update {
        TOUCHED,
        DENSE
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Row row = planner.row(this, input);
        if (from < 0 || columns < 1 || (long) from + columns > row.ids()) {
            throw planner.mismatch(
                    this,
                    "at least one id, all within the row's " + row.ids(),
                    "ids " + from + " to " + ((long) from + columns - 1));
        }
        if (rows < 1 || dimension < 1) {
            throw planner.mismatch(
                    this, "a table of at least (1, 1)", "(" + rows + ", " + dimension + ")");
        }
        if ((long) columns * dimension > OUTPUTS_MAX) {
            throw planner.mismatch(
                    this, "at most 2^20 outputs", columns + " ids of dimension " + dimension);
        }
        boolean touchedOnly = update == Update.TOUCHED;
        int table =
                planner.declare(
                        new Tensor.Table(
                                planner.name("weight"), rows, dimension, columns, touchedOnly));
        return new Planned(
                Shape.Grid.vector(columns * dimension),
                true,
                (workspace, x, into) ->
                        new Bound(
                                this,
                                table,
                                workspace,
                                into != null
                                        ? into
                                        : workspace.activation(1, columns * dimension, true)));
    }

    private static final class Bound implements Pass {
        private final int from;
        private final int columns;
        private final int tableRows;
        private final int dimension;
        private final boolean touchedOnly;
        private final int table;
        private final Activation output;
        private final Distinct distinct;
        private final float[] gradients; // (distinct ids, dimension)
        private final float[] zeros; // (dimension)

        Bound(Embedding layer, int table, Workspace workspace, Activation output) {
            from = layer.from;
            columns = layer.columns;
            tableRows = layer.rows;
            dimension = layer.dimension;
            touchedOnly = layer.update == Update.TOUCHED;
            this.table = table;
            this.output = output;
            int ids = workspace.learns() ? Math.multiplyExact(workspace.maxRows(), columns) : 0;
            distinct = new Distinct(ids);
            gradients = new float[Math.multiplyExact(ids, dimension)];
            zeros = new float[dimension];
        }

        @Override
        public Activation output() {
            return output;
        }

        /// y[c] = table[id[c]]
        @Override
        public void forward(Step step) {
            Block y = output.value();
            Storage.Rows rows = step.slab.rows(table);
            for (int row = 0; row < step.rows; row++) {
                int idAt = row * step.idsPerRow + from;
                int yAt = y.row(row);
                for (int column = 0; column < columns; column++) {
                    int id = step.ids[idAt + column];
                    if (id < 0 || id >= tableRows) {
                        throw new IndexOutOfBoundsException(
                                "row "
                                        + row
                                        + ", id "
                                        + (from + column)
                                        + ": found "
                                        + id
                                        + ", expected 0 to "
                                        + (tableRows - 1));
                    }
                    System.arraycopy(
                            rows.block(id),
                            rows.at(id),
                            y.values,
                            yAt + column * dimension,
                            dimension);
                }
            }
        }

        /// dtable[id] = Σ dy over all places that read it, row by row, column by column; then one optimizer update a
        /// table row, in the order of first touch.
        @Override
        public void backward(Step step) {
            if (step.optimizer(table).isFrozen()) {
                return;
            }
            Block dy = output.requireGradient();
            boolean repeated = findDistinct(step);
            if (!touchedOnly) {
                sumGradients(step, dy, gradients);
                updateEveryRow(step, step.target.rows(table));
                return;
            }
            if (!step.isFused()) {
                leaveGradients(step, dy, step.target.touched(table));
                return;
            }
            boolean direct = !repeated && step.scale == 1;
            if (!direct) {
                sumGradients(step, dy, gradients);
            }
            Storage.Rows rows = step.target.rows(table);
            for (int slot = 0; slot < distinct.count(); slot++) {
                int id = distinct.id(slot);
                if (direct) {
                    // Nothing to sum: slot s is the s-th place.
                    int place = dy.row(slot / columns) + slot % columns * dimension;
                    update(step, rows, id, dy.values, place);
                } else {
                    update(step, rows, id, gradients, slot * dimension);
                }
                step.touchedRows.touched(table, id);
            }
        }

        /// Returns whether some id occurs twice.
        private boolean findDistinct(Step step) {
            distinct.begin();
            for (int row = 0; row < step.rows; row++) {
                int idAt = row * step.idsPerRow + from;
                for (int column = 0; column < columns; column++) {
                    distinct.add(step.ids[idAt + column]);
                }
            }
            return distinct.count() < step.rows * columns;
        }

        private void leaveGradients(Step step, Block dy, Storage.Touched touched) {
            sumGradients(step, dy, touched.values());
            touched.clear();
            for (int slot = 0; slot < distinct.count(); slot++) {
                touched.add(distinct.id(slot));
                step.touchedRows.touched(table, distinct.id(slot));
            }
        }

        private void sumGradients(Step step, Block dy, float[] sums) {
            int seen = 0;
            for (int row = 0; row < step.rows; row++) {
                for (int column = 0; column < columns; column++) {
                    int slot = distinct.slotOfPlace(row * columns + column);
                    int from = dy.row(row) + column * dimension;
                    int to = slot * dimension;
                    if (slot == seen) {
                        System.arraycopy(dy.values, from, sums, to, dimension);
                        seen++;
                    } else {
                        for (int i = 0; i < dimension; i++) {
                            sums[to + i] += dy.values[from + i];
                        }
                    }
                }
            }
            for (int i = 0; i < seen * dimension; i++) {
                sums[i] *= step.scale;
            }
        }

        private void updateEveryRow(Step step, Storage.Rows rows) {
            for (int id = 0; id < tableRows; id++) {
                int slot = distinct.slotOf(id);
                if (slot < 0) {
                    update(step, rows, id, zeros, 0);
                } else {
                    update(step, rows, id, gradients, slot * dimension);
                }
            }
        }

        private void update(Step step, Storage.Rows rows, int id, float[] g, int gAt) {
            rows.update(step.kernels, step.optimizer(table), id, g, gAt);
        }
    }

    /// The distinct ids of one step, numbered in order of first touch. Open addressing over arrays allocated once; a stamp
    /// tells this step's entries from old ones, so that nothing is cleared. It only answers look-ups: its own order never
    /// shows.
    private static final class Distinct {
        private final int[] ids; // slot → id
        private final int[] slots; // place → slot
        private final int[] cellSlots; // cell → slot
        private final int[] cellStamps;
        private final int shift;
        private int count;
        private int places;
        private int stamp;

        Distinct(int maxPlaces) {
            ids = new int[maxPlaces];
            slots = new int[maxPlaces];
            // At most half full.
            int bits = Math.max(2, 33 - Integer.numberOfLeadingZeros(maxPlaces));
            cellSlots = new int[1 << bits];
            cellStamps = new int[1 << bits];
            shift = 32 - bits;
        }

        void begin() {
            count = 0;
            places = 0;
            stamp++;
            if (stamp == 0) {
                Arrays.fill(cellStamps, 0);
                stamp = 1;
            }
        }

        void add(int id) {
            int cell = cell(id);
            if (cellStamps[cell] != stamp) {
                cellStamps[cell] = stamp;
                cellSlots[cell] = count;
                ids[count++] = id;
            }
            slots[places++] = cellSlots[cell];
        }

        int count() {
            return count;
        }

        int id(int slot) {
            return ids[slot];
        }

        int slotOfPlace(int place) {
            return slots[place];
        }

        /// The slot of this id, or -1.
        int slotOf(int id) {
            int cell = cell(id);
            return cellStamps[cell] == stamp ? cellSlots[cell] : -1;
        }

        /// The cell that holds this id, or the free one where it belongs.
        private int cell(int id) {
            // Fibonacci hashing: 2^32 divided by the golden ratio.
            int cell = id * 0x9E3779B9 >>> shift;
            while (cellStamps[cell] == stamp && ids[cellSlots[cell]] != id) {
                cell = cell + 1 & cellSlots.length - 1;
            }
            return cell;
        }
    }
}
