package io.tidegrad.engine.layer;

import java.util.Arrays;

/// What the layers that read a table share: the look-ups of one step. Gradients of places that read the same row are summed
/// in the order in which they are added; then one optimizer update a row, in the order of first touch. Allocates nothing after
/// construction.
final class Lookups {
    private final int tensor;
    private final Tensor.Table table;
    private final Distinct distinct;
    private final float[] gradients; // (distinct ids, columns)
    private final float[] zeros; // (columns)
    private float[] sums; // where those of this step are summed

    /// @param tensor the table's index
    Lookups(int tensor, Tensor.Table table, Workspace workspace) {
        this.tensor = tensor;
        this.table = table;
        int reads = workspace.learns() ? Math.multiplyExact(workspace.maxRows(), table.reads()) : 0;
        distinct = new Distinct(reads);
        gradients = new float[Math.multiplyExact(reads, table.columns())];
        zeros = new float[table.columns()];
        sums = gradients;
    }

    /// The id numbered `number` of the row of the batch.
    ///
    /// @throws IndexOutOfBoundsException if the table has no such row
    int id(Step step, int row, int number) {
        int id = step.ids[row * step.idsPerRow + number];
        if (id < 0 || id >= table.rows()) {
            throw outOfBounds(row, number, id, table.rows() - 1);
        }
        return id;
    }

    /// Checks `count` ids from number `from` on as `id` does.
    void requireRows(Step step, int row, int from, int count) {
        int at = row * step.idsPerRow + from;
        int signs = 0;
        for (int c = 0; c < count; c++) {
            int id = step.ids[at + c];
            signs |= id | table.rows() - 1 - id;
        }
        if (signs < 0) {
            for (int c = 0; c < count; c++) {
                id(step, row, from + c);
            }
        }
    }

    static IndexOutOfBoundsException outOfBounds(int row, int number, int found, int largest) {
        return new IndexOutOfBoundsException(
                "row "
                        + row
                        + ", id "
                        + number
                        + ": found "
                        + found
                        + ", expected 0 to "
                        + largest);
    }

    boolean isFrozen(Step step) {
        return step.optimizer(tensor).isFrozen();
    }

    /// Forgets the gradients of the step before.
    void begin(Step step) {
        distinct.begin();
        sums =
                table.touchedOnly() && !step.isFused()
                        ? step.target.touched(tensor).values()
                        : gradients;
    }

    /// Adds `factor` times the columns from `g[gAt]` to the gradient of table row `id`.
    void add(int id, float factor, float[] g, int gAt) {
        if (id == table.paddingIndex()) {
            return;
        }
        int columns = table.columns();
        int known = distinct.count();
        int slot = distinct.slot(id);
        int to = slot * columns;
        if (columns == 1) {
            // No loop: it would take longer than what is in it.
            float product = factor * g[gAt];
            sums[to] = slot == known ? product : Math.fma(factor, g[gAt], sums[to]);
        } else if (slot == known) {
            for (int i = 0; i < columns; i++) {
                sums[to + i] = factor * g[gAt + i];
            }
        } else {
            for (int i = 0; i < columns; i++) {
                sums[to + i] = Math.fma(factor, g[gAt + i], sums[to + i]);
            }
        }
    }

    /// Applies the optimizer to the rows of the gradients added, or leaves these in the gradient slab.
    void apply(Step step) {
        int count = distinct.count();
        if (step.scale != 1) {
            for (int i = 0; i < count * table.columns(); i++) {
                sums[i] *= step.scale;
            }
        }
        if (!table.touchedOnly()) {
            updateEveryRow(step, step.target.rows(tensor));
            return;
        }
        if (step.isFused()) {
            step.target
                    .rows(tensor)
                    .update(step.kernels, step.optimizer(tensor), distinct.ids, count, sums);
        } else {
            step.target.touched(tensor).set(distinct.ids, count);
        }
        step.touchedRows.touched(tensor, distinct.ids, count);
    }

    private void updateEveryRow(Step step, Storage.Rows rows) {
        for (int id = 0; id < table.rows(); id++) {
            if (id == table.paddingIndex()) {
                continue;
            }
            int slot = distinct.slotOf(id);
            float[] g = slot < 0 ? zeros : sums;
            int gAt = slot < 0 ? 0 : slot * table.columns();
            rows.update(step.kernels, step.optimizer(tensor), id, g, gAt);
        }
    }

    /// The distinct ids of one step, numbered in order of first touch. Open addressing over arrays allocated once; a stamp
    /// tells this step's entries from old ones, so that nothing is cleared. It only answers look-ups: its own order never
    /// shows.
    private static final class Distinct {
        private static final int SPARSE_MAX = 256;

        final int[] ids; // slot → id
        private final long[] cells; // stamp (high half) and slot of the id that lies there
        private final int shift;
        private int count;
        private int stamp;

        Distinct(int maxPlaces) {
            ids = new int[maxPlaces];
            // At most half full; an eighth while that fits the first-level cache, since each
            // collision is a branch that
            // nobody foresees.
            int spare = maxPlaces <= SPARSE_MAX ? 3 : 1;
            int bits = Math.max(2, 32 + spare - Integer.numberOfLeadingZeros(maxPlaces));
            cells = new long[1 << bits];
            shift = 32 - bits;
        }

        void begin() {
            count = 0;
            stamp++;
            if (stamp == 0) {
                Arrays.fill(cells, 0);
                stamp = 1;
            }
        }

        int count() {
            return count;
        }

        /// The slot of this id, a new one if it is not known yet.
        int slot(int id) {
            int cell = home(id);
            while (true) {
                long found = cells[cell];
                if ((int) (found >>> 32) != stamp) {
                    cells[cell] = (long) stamp << 32 | count;
                    ids[count] = id;
                    return count++;
                }
                if (ids[(int) found] == id) {
                    return (int) found;
                }
                cell = cell + 1 & cells.length - 1;
            }
        }

        /// The slot of this id, or -1.
        int slotOf(int id) {
            int cell = home(id);
            while ((int) (cells[cell] >>> 32) == stamp) {
                int slot = (int) cells[cell];
                if (ids[slot] == id) {
                    return slot;
                }
                cell = cell + 1 & cells.length - 1;
            }
            return -1;
        }

        /// Where to look first. Fibonacci hashing: 2^32 divided by the golden ratio.
        private int home(int id) {
            return id * 0x9E3779B9 >>> shift;
        }
    }
}
