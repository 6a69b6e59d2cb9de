package io.tidegrad.engine.layer;

import java.util.List;

/// Gives a value a row of a table (1 + capacity, dimension) of its own once it has been seen `minCount` times, and takes the row
/// back when `expireAfter` rows were learned without it. Row 0 is that of all other values. Output: the table row.
///
/// A value is two ids, 64 bits of a hash of it. Two values are taken for one another only where all of them agree.
///
/// Like `History` it answers from the state before the batch, both in prediction and learning; a step that changed the weights
/// then changes the state row by row. A row whose weight is 0 counts. Of learned row number n, counted from 0 for a new model:
///
/// 1. The value's count grows by 1. If it is not known, it begins to wait, with the count 1; if `waiting` values do already,
///    the one that was not seen for the longest is forgotten.
/// 2. Values that were last seen at row n - expireAfter or before are forgotten, whether they have a row or wait for one.
/// 3. If the value waits, its count is at least `minCount` and there is a free row, it gets the one that was freed last, or if
///    there is none the first that was never given. The weights and the optimizer's state of this row start again, drawn for
///    the value: they don't depend on what the row was before.
///
/// So a count is never too high, and the memory is bounded: a value that is seen again before `waiting` others begin to wait
/// is not forgotten. Each row of a batch takes a bounded number of operations, on average as many as chains are long.
///
/// State: a table of entries, of which entry e from 1 to `capacity` is the value of table row e, and the next `waiting` are
/// those that wait. They are found by chains, one for each entry, of the values whose first id leads there; and lie in two
/// lists, of values with a row and of those that wait, from the one seen last to the one not seen for the longest. Entry 0
/// has the ends of these lists. All are whole floats; 0 is no entry.
///
/// @param keyAt index of the first of the value's two ids
/// @param capacity values that have a row, at most
/// @param waiting values without a row that are counted, at most
/// @param start the bound of the table's first weights, as of an `Embedding`
public record Vocabulary(int keyAt, int capacity, int waiting, int minCount, long expireAfter, int dimension,
        Embedding.Update update, float start) implements Layer {
    /// Floats hold all whole numbers up to this one.
    private static final int FLOAT_MAX = 1 << 24;

    /// The most values that have a row, and the most that wait: entries are numbered by floats.
    public static final int VALUES_MAX = 1 << 23;

    public static final int MIN_COUNT_MAX = FLOAT_MAX;

    /// Numbers of learned rows are two floats.
    public static final long EXPIRE_AFTER_MAX = 1L << 48;

    private static final int COLUMNS = 10;

    // An entry: the first id's upper 16 bits, its lower 16 and the second's upper 8, the second's lower 24.
    private static final int KEY = 0;
    private static final int COUNT = 3;
    private static final int SEEN = 4; // two: ⌊n / 2^24⌋ and n mod 2^24
    private static final int NEWER = 6; // the neighbours in its list
    private static final int OLDER = 7;
    private static final int NEXT = 8; // in its chain; of a free entry the one that was freed before it
    private static final int FIRST = 9; // of the chain that has this entry's number

    // Entry 0, of each list.
    private static final int NEWEST = 0;
    private static final int OLDEST = 1;
    private static final int FREED = 2; // the entry that was freed last
    private static final int USED = 3; // entries that were ever used
    private static final int SIZE = 4;
    private static final int LIST = 5;

    public Vocabulary(int keyAt, int capacity, int waiting, int minCount, long expireAfter, int dimension,
            Embedding.Update update) {
        this(keyAt, capacity, waiting, minCount, expireAfter, dimension, update, Embedding.START);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Row row = planner.row(this, input);
        Embedding.requireIds(planner, this, keyAt, 2, row);
        if (capacity < 1 || capacity > VALUES_MAX || waiting < 1 || waiting > VALUES_MAX) {
            throw planner.mismatch(this, "room for 1 to 2^23 values with a row, and for as many that wait",
                    capacity + " and " + waiting);
        }
        if (minCount < 1 || minCount > MIN_COUNT_MAX || expireAfter < 1 || expireAfter > EXPIRE_AFTER_MAX) {
            throw planner.mismatch(this, "a count from 1 to 2^24, and 1 to 2^48 rows until a value is forgotten",
                    minCount + " and " + expireAfter);
        }
        Embedding.requireTable(planner, this, capacity + 1, dimension);
        int entries = planner.withRate(0).declare(
                new Tensor.Table(planner.name("vocabulary"), 1 + entries(), COLUMNS, 1, true, Embedding.NO_PADDING, 0));
        Tensor.Table table = new Tensor.Table(planner.name("weight"), capacity + 1, dimension, 1,
                update == Embedding.Update.TOUCHED, Embedding.NO_PADDING, start);
        int tensor = planner.declare(table);
        planner.declareLearned(this, entries);
        return new Planned(Shape.Grid.vector(dimension), true, (workspace, x, into) -> {
            workspace.count((long) Integer.BYTES * workspace.maxRows());
            Bound bound = new Bound(this, entries, tensor, new Lookups(tensor, table, workspace),
                    new int[workspace.isCounting() ? 0 : workspace.maxRows()],
                    into != null ? into : workspace.activation(1, dimension, true), new int[1]);
            workspace.remember(bound);
            return bound;
        });
    }

    private int entries() {
        return capacity + waiting;
    }

    /// The values that have a row.
    ///
    /// @param entries the layer's `vocabulary`
    /// @param taken called with each, in the order of their rows
    public void forEachRow(float[] entries, Taken taken) {
        for (int row = 1; row <= capacity; row++) {
            int at = row * COLUMNS;
            if (entries[at + COUNT] > 0) {
                int middle = (int) entries[at + KEY + 1];
                taken.by((int) entries[at + KEY] << 16 | middle >>> 8, middle << 24 | (int) entries[at + KEY + 2], row);
            }
        }
    }

    /// A value that has a row.
    ///
    /// @param count how often it was seen; counts end at 2²⁴
    public record Value(int first, int second, long count) {
    }

    /// Returns entries as of a layer that has seen these values, all of them last just before its first row: the first value has
    /// row 1, the next one row 2, …; the first is the newest.
    ///
    /// @param values distinct ones, at most `capacity`
    public float[] entriesOf(List<Value> values) {
        int count = values.size();
        if (count > capacity) {
            throw new IllegalArgumentException("expected at most " + capacity + " values, found " + count);
        }
        float[] entries = new float[(1 + entries()) * COLUMNS];
        entries[NEWEST] = Math.min(count, 1);
        entries[OLDEST] = count;
        entries[USED] = count;
        entries[SIZE] = count;
        for (int entry = 1; entry <= count; entry++) {
            Value value = values.get(entry - 1);
            int at = entry * COLUMNS;
            for (int part = 0; part < COUNT; part++) {
                entries[at + KEY + part] = keyPart(part, value.first, value.second);
            }
            entries[at + COUNT] = Math.min(value.count, FLOAT_MAX);
            entries[at + NEWER] = entry - 1;
            entries[at + OLDER] = entry < count ? entry + 1 : 0;
            int chain = chainOf(value.first) * COLUMNS + FIRST;
            entries[at + NEXT] = entries[chain];
            entries[chain] = entry;
        }
        return entries;
    }

    /// One of the numbers that an entry has of its value's ids.
    private static int keyPart(int part, int first, int second) {
        return switch (part) {
            case 0 -> first >>> 16;
            case 1 -> (first & 0xffff) << 8 | second >>> 24;
            default -> second & FLOAT_MAX - 1;
        };
    }

    private int chainOf(int first) {
        return 1 + Integer.remainderUnsigned(first, entries());
    }

    /// The value's row of the table; 0 if it has none of its own.
    ///
    /// @param entries the layer's `vocabulary`
    int rowOf(Storage.Rows entries, int first, int second) {
        int entry = find(entries, first, second);
        return entry <= capacity ? entry : 0;
    }

    /// The value's entry; 0 if it has none.
    private int find(Storage.Rows table, int first, int second) {
        int entry = get(table, chainOf(first), FIRST);
        for (int i = 0; entry != 0; i++) {
            if (get(table, entry, KEY) == keyPart(0, first, second)
                    && get(table, entry, KEY + 1) == keyPart(1, first, second)
                    && get(table, entry, KEY + 2) == keyPart(2, first, second)) {
                return entry;
            }
            entry = get(table, entry, NEXT);
            if (i > entries()) {
                throw new IllegalStateException("a vocabulary's chain " + chainOf(first)
                        + " does not end: expected weights that this layer has learned");
            }
        }
        return 0;
    }

    private static int get(Storage.Rows table, int entry, int column) {
        return (int) table.block(entry)[table.at(entry) + column];
    }

    /// Receives the values that have a row.
    @FunctionalInterface
    public interface Taken {
        /// @param row of the table, from 1
        void by(int first, int second, int row);
    }

    /// @param entries the tensor of entries
    /// @param tensor the table's index
    /// @param chosen table rows of the batch
    /// @param one the number of the entry that is about to change
    private record Bound(Vocabulary layer, int entries, int tensor, Lookups lookups, int[] chosen, Activation output,
            int[] one) implements Pass {
        @Override
        public void forward(Step step) {
            Storage.Rows table = step.slab.rows(entries);
            Block y = output.value();
            for (int row = 0; row < step.rows; row++) {
                int ids = row * step.idsPerRow + layer.keyAt;
                chosen[row] = layer.rowOf(table, step.ids[ids], step.ids[ids + 1]);
                lookups.read(step, chosen, row, 1, y.values, y.row(row));
            }
        }

        @Override
        public double inputMagnitude(Step step) {
            return step.rows;
        }

        @Override
        public void backward(Step step) {
            if (!lookups.isFrozen(step)) {
                lookups.backward(step, chosen, 1, 0, 1, output.requireGradient());
            }
        }

        @Override
        public void remember(Step step) {
            Storage.Rows table = step.slab.rows(entries);
            for (int row = 0; row < step.rows; row++) {
                int ids = row * step.idsPerRow + layer.keyAt;
                learn(step, table, step.ids[ids], step.ids[ids + 1], step.examples + row);
            }
        }

        private void learn(Step step, Storage.Rows table, int first, int second, long number) {
            int entry = layer.find(table, first, second);
            int waits = listOfWaiting();
            if (entry == 0) {
                if (get(table, 0, waits + SIZE) == layer.waiting) {
                    forget(step, table, get(table, 0, waits + OLDEST));
                }
                entry = take(step, table, waits);
                for (int part = 0; part < COUNT; part++) {
                    set(step, table, entry, KEY + part, keyPart(part, first, second));
                }
                set(step, table, entry, COUNT, 1);
                chain(step, table, entry, first);
                putFirst(step, table, entry);
            } else {
                set(step, table, entry, COUNT, Math.min(get(table, entry, COUNT) + 1, FLOAT_MAX));
                if (get(table, 0, listOf(entry) + NEWEST) != entry) {
                    unlink(step, table, entry);
                    putFirst(step, table, entry);
                }
            }
            set(step, table, entry, SEEN, (int) (number / FLOAT_MAX));
            set(step, table, entry, SEEN + 1, (int) (number % FLOAT_MAX));
            forgetUnseen(step, table, 0, number);
            forgetUnseen(step, table, waits, number);
            if (entry > layer.capacity && get(table, entry, COUNT) >= layer.minCount) {
                giveRow(step, table, entry, first, second);
            }
        }

        /// Gives the value a row, if there is a free one.
        private void giveRow(Step step, Storage.Rows table, int waiting, int first, int second) {
            int entry = take(step, table, 0);
            if (entry == 0) {
                return;
            }
            for (int column = KEY; column < NEWER; column++) {
                set(step, table, entry, column, get(table, waiting, column));
            }
            forget(step, table, waiting);
            chain(step, table, entry, first);
            putFirst(step, table, entry);
            if (!lookups.isFrozen(step)) {
                step.newRows.start(tensor, entry, Integer.toUnsignedLong(first) | (long) second << 32);
            }
        }

        private void forgetUnseen(Step step, Storage.Rows table, int list, long number) {
            int oldest = get(table, 0, list + OLDEST);
            while (oldest != 0 && number - seen(table, oldest) >= layer.expireAfter) {
                forget(step, table, oldest);
                oldest = get(table, 0, list + OLDEST);
            }
        }

        private static long seen(Storage.Rows table, int entry) {
            return (long) get(table, entry, SEEN) * FLOAT_MAX + get(table, entry, SEEN + 1);
        }

        private void chain(Step step, Storage.Rows table, int entry, int first) {
            int chain = layer.chainOf(first);
            set(step, table, entry, NEXT, get(table, chain, FIRST));
            set(step, table, chain, FIRST, entry);
        }

        private int listOfWaiting() {
            return LIST;
        }

        private int listOf(int entry) {
            return entry <= layer.capacity ? 0 : listOfWaiting();
        }

        /// Takes a free entry of a list; 0 if there is none.
        private int take(Step step, Storage.Rows table, int list) {
            int entry = get(table, 0, list + FREED);
            if (entry != 0) {
                set(step, table, 0, list + FREED, get(table, entry, NEXT));
            } else {
                int used = get(table, 0, list + USED);
                if (used == (list == 0 ? layer.capacity : layer.waiting)) {
                    return 0;
                }
                set(step, table, 0, list + USED, used + 1);
                entry = (list == 0 ? 0 : layer.capacity) + used + 1;
            }
            set(step, table, 0, list + SIZE, get(table, 0, list + SIZE) + 1);
            return entry;
        }

        private void putFirst(Step step, Storage.Rows table, int entry) {
            int list = listOf(entry);
            int newest = get(table, 0, list + NEWEST);
            set(step, table, entry, NEWER, 0);
            set(step, table, entry, OLDER, newest);
            set(step, table, 0, list + NEWEST, entry);
            if (newest == 0) {
                set(step, table, 0, list + OLDEST, entry);
            } else {
                set(step, table, newest, NEWER, entry);
            }
        }

        private void unlink(Step step, Storage.Rows table, int entry) {
            int list = listOf(entry);
            int newer = get(table, entry, NEWER);
            int older = get(table, entry, OLDER);
            if (newer == 0) {
                set(step, table, 0, list + NEWEST, older);
            } else {
                set(step, table, newer, OLDER, older);
            }
            if (older == 0) {
                set(step, table, 0, list + OLDEST, newer);
            } else {
                set(step, table, older, NEWER, newer);
            }
        }

        /// Frees an entry. What is left of it is its place among those that are free.
        private void forget(Step step, Storage.Rows table, int entry) {
            unlink(step, table, entry);
            int chain = layer.chainOf(get(table, entry, KEY) << 16 | get(table, entry, KEY + 1) >>> 8);
            int before = 0;
            int at = get(table, chain, FIRST);
            while (at != entry) {
                before = at;
                at = get(table, at, NEXT);
            }
            if (before == 0) {
                set(step, table, chain, FIRST, get(table, entry, NEXT));
            } else {
                set(step, table, before, NEXT, get(table, entry, NEXT));
            }
            int list = listOf(entry);
            for (int column = KEY; column < NEXT; column++) {
                set(step, table, entry, column, 0);
            }
            set(step, table, entry, NEXT, get(table, 0, list + FREED));
            set(step, table, 0, list + FREED, entry);
            set(step, table, 0, list + SIZE, get(table, 0, list + SIZE) - 1);
        }

        private void set(Step step, Storage.Rows table, int entry, int column, int value) {
            float[] state = table.block(entry);
            int at = table.at(entry) + column;
            if (state[at] != value) {
                one[0] = entry;
                // Called first, so that watchers can still copy the old entry.
                step.touchedRows.touched(entries, one, 1);
                state[at] = value;
            }
        }
    }
}
