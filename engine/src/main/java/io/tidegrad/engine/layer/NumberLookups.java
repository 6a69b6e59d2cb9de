package io.tidegrad.engine.layer;

import java.util.Arrays;

/// The look-ups of one step in a table with one column of which only touched rows learn. From forward to backward, the
/// distinct numbers are held in contiguous scratch, in a step of several rows their state, too. The table, where each
/// access is a cache miss, is read and written in short loops. Sums and their order are those of `Lookups`. Allocates
/// nothing after construction.
final class NumberLookups {
    private final int tensor;
    private final Tensor.Table table;
    private final DistinctIds distinct;
    private final int[] slots; // (maxRows, reads): place → slot of its id
    private final PackedRows numbers;
    private boolean inOrder; // place i has slot i
    private boolean hasState; // not only the numbers have been read
    private int summed; // number of slots that have a gradient

    /// @param tensor the table's index
    NumberLookups(int tensor, Tensor.Table table, Workspace workspace) {
        this.tensor = tensor;
        this.table = table;
        int reads = workspace.learns() ? Math.multiplyExact(workspace.maxRows(), table.reads()) : 0;
        workspace.count(DistinctIds.bytes(reads) + (long) Integer.BYTES * reads + PackedRows.bytes(1, reads));
        int held = workspace.isCounting() ? 0 : reads;
        distinct = new DistinctIds(held);
        slots = new int[held];
        numbers = new PackedRows(1, held);
    }

    /// Whether these look-ups apply to this step.
    boolean areFor(Step step) {
        return step.learns && table.columns() == 1 && table.touchedOnly() && step.isFused()
                && !step.optimizer(tensor).isFrozen();
    }

    /// Forgets the ids of the step before.
    void begin() {
        distinct.begin();
        inOrder = false;
        summed = 0;
    }

    /// Adds the `count` ids starting at `ids[at]`, which are the only ones of the step, and reads their numbers.
    void readRow(Step step, int[] ids, int at, int count) {
        Storage.Rows table = step.slab.rows(tensor);
        // First, because the cache misses last while the ids are compared; and alone, so that more of that fits behind
        // them. Most rows repeat no id.
        numbers.gatherWeights(table, ids, at, count);
        inOrder = distinct.addDistinct(ids, at, count);
        if (!inOrder) {
            add(ids, at, count, 0);
            numbers.gatherWeights(table, distinct.ids(), 0, distinct.count());
        }
        hasState = false;
    }

    /// Adds the `count` ids starting at `ids[at]`, for the places starting at `place`.
    void add(int[] ids, int at, int count, int place) {
        distinct.slots(ids, at, count, slots, place);
    }

    /// Reads the numbers of all added ids from the table.
    void read(Step step) {
        numbers.gather(step.slab.rows(tensor), distinct.ids(), 0, distinct.count());
        hasState = true;
    }

    /// The numbers at `count` places, one after the other from index 0 on.
    ///
    /// @param scratch where they are copied if they don't lie so
    float[] numbers(int place, int count, float[] scratch) {
        float[] w = numbers.values();
        if (inOrder) {
            return w;
        }
        for (int i = 0; i < count; i++) {
            scratch[i] = w[slots[place + i]];
        }
        return scratch;
    }

    /// Adds `factor` times `g` to the gradient of the number at each of `count` places. Call it once for every place,
    /// in the order in which they were added.
    void addGradient(int place, int count, float factor, float g) {
        float[] gradients = numbers.gradients();
        float product = factor * g;
        if (inOrder) {
            Arrays.fill(gradients, place, place + count, product);
            return;
        }
        int seen = summed;
        for (int i = place; i < place + count; i++) {
            int slot = slots[i];
            if (slot == seen) {
                gradients[seen++] = product;
            } else {
                gradients[slot] = Math.fma(factor, g, gradients[slot]);
            }
        }
        summed = seen;
    }

    /// Applies the optimizer to the numbers and writes them back.
    void apply(Step step) {
        int count = distinct.count();
        if (!hasState) {
            // It came into the near caches with the numbers, which lie beside it.
            numbers.gatherState(step.slab.rows(tensor), distinct.ids(), 0);
        }
        if (step.scale != 1) {
            float[] gradients = numbers.gradients();
            for (int i = 0; i < count; i++) {
                gradients[i] *= step.scale;
            }
        }
        numbers.update(step.kernels, step.optimizer(tensor));
        step.touchedRows.touched(tensor, distinct.ids(), count);
        numbers.scatter(step.target.rows(tensor), distinct.ids(), 0);
    }
}
