package io.tidegrad.engine.layer;

/// The table look-ups of one step, for the layers that read a table. Gradients of places that read the same row are
/// summed in the order in which they are added; then the optimizer updates each row once, in order of first touch.
/// Allocates nothing after construction.
final class Lookups {
    private final int tensor;
    private final Tensor.Table table;
    private final DistinctIds distinct;
    private final float[] gradients; // (distinct ids, columns)
    private final float[] zeros; // (columns)
    private final int[] slots; // (table.reads()): slots of one row's ids
    private final int[] sumAt; // slot → start of its gradient in `sums`
    private final float[] near = new float[Storage.Rows.ROWS_A_BLOCK];
    private float[] sums; // array that holds this step's sums

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

    int tensor() {
        return tensor;
    }

    Tensor.Table table() {
        return table;
    }

    /// Id number `number` of a row of the batch.
    ///
    /// @throws IndexOutOfBoundsException the table has no such row
    int id(Step step, int row, int number) {
        int id = step.ids[row * step.idsPerRow + number];
        if (id < 0 || id >= table.rows()) {
            throw outOfBounds(row, number, id, table.rows() - 1);
        }
        return id;
    }

    /// Checks `count` ids, starting with number `from`, like `id`.
    void requireRows(Step step, int row, int from, int count) {
        int[] ids = step.ids;
        int at = row * step.idsPerRow + from;
        int rows = table.rows();
        for (int c = 0; c < count; c++) {
            if (Integer.compareUnsigned(ids[at + c], rows) >= 0) {
                throw outOfBounds(row, from + c, ids[at + c], rows - 1);
            }
        }
    }

    /// Copies the table rows of `count` ids, starting with number `from`, one after the other.
    void read(Step step, int row, int from, int count, float[] y, int yAt) {
        requireRows(step, row, from, count);
        read(step, step.ids, row * step.idsPerRow + from, count, y, yAt);
    }

    /// Copies the table rows `ids[at]` to `ids[at + count - 1]`, which the table must have.
    void read(Step step, int[] ids, int at, int count, float[] y, int yAt) {
        step.slab.rows(tensor).read(step.kernels, ids, at, count, y, yAt, near);
    }

    static IndexOutOfBoundsException outOfBounds(int row, int number, int found, int largest) {
        return new IndexOutOfBoundsException(
                "row " + row + ", id " + number + ": found " + found + ", expected 0 to " + largest);
    }

    boolean isFrozen(Step step) {
        return step.optimizer(tensor).isFrozen();
    }

    /// Whether backward applies the optimizer, and only to the rows that this step read.
    boolean updatesTouched(Step step) {
        return table.touchedOnly() && step.isFused();
    }

    /// Learns from the gradient of an output that is table rows, one after the other: `count` for each row of the batch, from
    /// `ids[from]` on. dtable[id] = Σ dy over all places that read it, row by row, id by id: summed in dy itself if it is
    /// applied at once, because dy is not read again.
    ///
    /// @param idsPerRow how far in `ids` one row's are from the next's
    void backward(Step step, int[] ids, int idsPerRow, int from, int count, Block dy) {
        begin(step);
        if (updatesTouched(step)) {
            for (int row = 0; row < step.rows; row++) {
                addInPlace(ids, row * idsPerRow + from, count, dy.values, dy.row(row));
            }
            applyInPlace(step, dy.values);
            return;
        }
        for (int row = 0; row < step.rows; row++) {
            int at = row * idsPerRow + from;
            for (int i = 0; i < count; i++) {
                add(ids[at + i], 1, dy.values, dy.row(row) + i * table.columns());
            }
        }
        apply(step);
    }

    /// Forgets the gradients of the step before.
    void begin(Step step) {
        distinct.begin();
        sums = table.touchedOnly() && !step.isFused() ? step.target.touched(tensor).values() : gradients;
    }

    /// Adds `factor` times the columns starting at `g[gAt]` to the gradient of table row `id`.
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

    /// Applies the optimizer to the rows with gradients, or stores the gradients in the gradient slab.
    void apply(Step step) {
        int count = distinct.count();
        if (updatesTouched(step)) {
            applyInPlace(step, sums);
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
        // Called first, so that watchers can still copy the old rows.
        step.touchedRows.touched(tensor, distinct.ids(), count);
        step.target.touched(tensor).set(distinct.ids(), count);
    }

    /// Adds the vectors that start at `g[gAt]`, one after the other, to the gradients of the table rows `ids[at]` to
    /// `ids[at + count - 1]`. The sums stay in `g` until `applyInPlace`: a row's sum is at the row's first place.
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

    /// @param known number of slots that already have a gradient
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

    /// Like `apply`, for the gradients in `g`, if the optimizer changes touched rows only.
    void applyInPlace(Step step, float[] g) {
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
