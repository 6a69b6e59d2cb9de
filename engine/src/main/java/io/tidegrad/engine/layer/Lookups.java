package io.tidegrad.engine.layer;

/// What the layers that read a table share: the look-ups of one step. Gradients of places that read the same row are
/// summed in the order in which they are added; then one optimizer update a row, in the order of first touch. Allocates
/// nothing after construction.
final class Lookups {
    private final int tensor;
    private final Tensor.Table table;
    private final DistinctIds distinct;
    private final float[] gradients; // (distinct ids, columns)
    private final float[] zeros; // (columns)
    private final int[] slots; // (table.reads()) of one row's ids
    private final int[] sumAt; // slot → where in `sums` its gradient begins
    private final float[] near = new float[Storage.Rows.ROWS_A_BLOCK];
    private float[] sums; // where those of this step are summed

    /// @param tensor the table's index
    Lookups(int tensor, Tensor.Table table, Workspace workspace) {
        this.tensor = tensor;
        this.table = table;
        int reads = workspace.learns() ? Math.multiplyExact(workspace.maxRows(), table.reads()) : 0;
        int slotsOfRow = workspace.learns() ? table.reads() : 0;
        workspace.count(DistinctIds.bytes(reads) + (long) Integer.BYTES * reads + (long) Integer.BYTES * slotsOfRow);
        int held = workspace.isCounting() ? 0 : reads;
        distinct = new DistinctIds(held);
        gradients = workspace.floats(Math.multiplyExact(reads, table.columns()));
        zeros = workspace.floats(table.columns());
        slots = new int[workspace.isCounting() ? 0 : slotsOfRow];
        sumAt = new int[held];
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

    /// Copies the table rows of `count` ids from number `from` on side by side.
    void read(Step step, int row, int from, int count, float[] y, int yAt) {
        requireRows(step, row, from, count);
        int ids = row * step.idsPerRow + from;
        step.slab.rows(tensor).read(step.kernels, step.ids, ids, count, y, yAt, near);
    }

    static IndexOutOfBoundsException outOfBounds(int row, int number, int found, int largest) {
        return new IndexOutOfBoundsException(
                "row " + row + ", id " + number + ": found " + found + ", expected 0 to " + largest);
    }

    boolean isFrozen(Step step) {
        return step.optimizer(tensor).isFrozen();
    }

    /// Whether the optimizer changes only the rows that this step read, in backward.
    boolean updatesTouched(Step step) {
        return table.touchedOnly() && step.isFused();
    }

    /// Forgets the gradients of the step before.
    void begin(Step step) {
        distinct.begin();
        sums = table.touchedOnly() && !step.isFused() ? step.target.touched(tensor).values() : gradients;
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
        if (slot == known) {
            sumAt[slot] = to;
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
        if (updatesTouched(step)) {
            update(step, sums);
            return;
        }
        if (step.scale != 1) {
            for (int i = 0; i < count * table.columns(); i++) {
                sums[i] *= step.scale;
            }
        }
        if (!table.touchedOnly()) {
            updateEveryRow(step, step.target.rows(tensor));
            return;
        }
        // First: who keeps what the rows were looks at them now.
        step.touchedRows.touched(tensor, distinct.ids(), count);
        step.target.touched(tensor).set(distinct.ids(), count);
    }

    /// Adds to the gradients of the table rows of `count` ids, `ids[at]` and so on, the columns from `g[gAt]` on, side
    /// by side. They stay in `g`: each row's at its first place, until `applyInPlace`.
    void addInPlace(int[] ids, int at, int count, float[] g, int gAt) {
        int columns = table.columns();
        if (table.paddingIndex() >= 0) {
            for (int i = 0; i < count; i++) {
                if (ids[at + i] != table.paddingIndex()) {
                    int known = distinct.count();
                    addInPlace(distinct.slot(ids[at + i]), known, g, gAt + i * columns);
                }
            }
            return;
        }
        int known = distinct.count();
        distinct.slots(ids, at, count, slots, 0);
        for (int i = 0; i < count; i++) {
            addInPlace(slots[i], known, g, gAt + i * columns);
            known = Math.max(known, slots[i] + 1);
        }
    }

    /// @param known slots that have a gradient
    private void addInPlace(int slot, int known, float[] g, int gAt) {
        if (slot == known) {
            sumAt[slot] = gAt;
            return;
        }
        int to = sumAt[slot];
        for (int i = 0; i < table.columns(); i++) {
            g[to + i] += g[gAt + i];
        }
    }

    /// As `apply`, of the gradients in `g`, where the optimizer changes touched rows only.
    void applyInPlace(Step step, float[] g) {
        update(step, g);
    }

    private void update(Step step, float[] g) {
        step.touchedRows.touched(tensor, distinct.ids(), distinct.count());
        step.target.rows(tensor).update(step.kernels, step.optimizer(tensor), distinct.ids(), distinct.count(),
                step.scale, g, sumAt);
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
}
