package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ScalarMath;
import java.util.List;

/// What is remembered of a key, which is a person, a card or a machine: how many rows it had, of its last `lags` rows a number,
/// and of its last row a time. Output: the numbers that `values` names, in their order, of a lag or difference `lags` numbers,
/// that of the last row first; then for each lag k, from 1, 1 where the key had fewer than k rows before, else 0. What is not
/// known is 0.
///
/// Like `Standardise` it answers from the state before the batch, both in prediction and learning; a step that changed the
/// weights then changes the state row by row. A row whose weight is 0 counts.
///
/// A key is two ids: its row in the table, and its tag. A table row belongs to the key that came last: one with another tag
/// takes it over, and the key before is forgotten. So the memory is bounded, and two keys are mistaken for one another only
/// where both ids agree. A time is two ids, milliseconds = first · 2²⁴ + second.
///
/// State: for each table row the count of its key, the key's tag, then the numbers, the last row's first, and the two parts of
/// the time if any value is made of them. All are whole floats but the numbers; the count ends at 2²⁴.
///
/// @param keyAt index of the row's id that is the table row; the tag, from 0 to 2²⁴ - 1, follows it. A tag below 0 is that of
///     no key
/// @param numberAt index of the row's number; `NONE` if no value is made of it
/// @param timeAt index of the first id of the time, both within ±2²⁴; `NONE` if no value is made of it
/// @param rows of the table
/// @param lags how many of a key's numbers are remembered; 1 if no value is made of them
public record History(int keyAt, int numberAt, int timeAt, int rows, List<Value> values, int lags) implements Layer {
    public static final int NONE = -1;

    /// Parts of a key and of a time are below this: a float holds such whole numbers exactly.
    public static final int PART = 1 << 24;

    /// A row of a batch moves all its key's numbers.
    public static final int LAGS_MAX = 64;

    private static final int COUNT = 0;
    private static final int TAG = 1;
    private static final double MILLIS_A_SECOND = 1_000;

    /// A number that is made of what is remembered.
    public enum Value {
        /// The numbers of the key's last rows.
        LAG,
        /// This row's number minus that of the key's last row, and that minus the one before, …
        DIFFERENCE,
        /// ln(1 + rows of the key)
        COUNT,
        /// ln(1 + seconds since the key's last row), 0 if that was later.
        SINCE_LAST;

        public boolean isOfNumber() {
            return this == LAG || this == DIFFERENCE;
        }

        public boolean isOfTime() {
            return this == SINCE_LAST;
        }
    }

    public History {
        values = List.copyOf(values);
    }

    /// Remembers one number.
    public History(int keyAt, int numberAt, int timeAt, int rows, List<Value> values) {
        this(keyAt, numberAt, timeAt, rows, values, 1);
    }

    /// How many numbers a row has of a value.
    public int width(Value value) {
        return value.isOfNumber() ? lags : 1;
    }

    /// How many numbers come before those that say which lags are not known.
    public int valuesWidth() {
        return values.stream().mapToInt(this::width).sum();
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Row row = planner.row(this, input);
        Embedding.requireIds(planner, this, keyAt, 2, row);
        boolean ofNumber = values.stream().anyMatch(Value::isOfNumber);
        boolean ofTime = values.stream().anyMatch(Value::isOfTime);
        if (values.isEmpty() || values.stream().distinct().count() < values.size()) {
            throw planner.mismatch(this, "at least one value, each once", values.toString());
        }
        if (ofNumber != (numberAt != NONE) || ofNumber && (numberAt < 0 || numberAt >= row.numbers())) {
            throw planner.mismatch(this, ofNumber ? "a number within the row's " + row.numbers() : "no number",
                    "number " + numberAt);
        }
        if (lags < 1 || lags > (ofNumber ? LAGS_MAX : 1)) {
            throw planner.mismatch(this,
                    ofNumber ? "1 to " + LAGS_MAX + " lags" : "1 lag, for no value is made of a number", "" + lags);
        }
        if (ofTime) {
            Embedding.requireIds(planner, this, timeAt, 2, row);
        } else if (timeAt != NONE) {
            throw planner.mismatch(this, "no time", "id " + timeAt);
        }
        int number = TAG + 1;
        int time = number + (ofNumber ? lags : 0);
        int columns = time + (ofTime ? 2 : 0);
        Embedding.requireTable(planner, this, rows, columns);
        int tensor = planner.withRate(0)
                .declare(new Tensor.Table(planner.name("history"), rows, columns, 1, true, Embedding.NO_PADDING, 0));
        int width = valuesWidth() + lags;
        return new Planned(Shape.Grid.vector(width), false, (workspace, x, into) -> {
            int remembered = workspace.learns() ? workspace.maxRows() : 0;
            workspace.count((long) Integer.BYTES * remembered);
            Bound bound = new Bound(this, tensor, number, time, values.toArray(Value[]::new),
                    new int[workspace.isCounting() ? 0 : remembered],
                    into != null ? into : workspace.activation(1, width, workspace.reportsInputGradients()));
            workspace.remember(bound);
            return bound;
        });
    }

    /// @param number the column of the state that is the last row's number
    /// @param time the first column of the time
    /// @param touched table rows of a batch
    private record Bound(History layer, int tensor, int number, int time, Value[] values, int[] touched,
            Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            Storage.Rows table = step.slab.rows(tensor);
            Block y = output.value();
            for (int row = 0; row < step.rows; row++) {
                int id = id(step, row);
                float[] state = table.block(id);
                int at = table.at(id);
                float known = isKnown(step, row, state, at) ? state[at + COUNT] : 0;
                if (layer.numberAt != NONE) {
                    step.watch(row, given(step, row));
                }
                int to = y.row(row);
                for (Value value : values) {
                    int width = layer.width(value);
                    for (int lag = 1; lag <= width; lag++) {
                        y.values[to++] = lag <= known ? value(value, lag, step, row, state, at) : 0;
                    }
                }
                for (int lag = 1; lag <= layer.lags; lag++) {
                    y.values[to++] = lag <= known ? 0 : 1;
                }
            }
        }

        private float value(Value value, int lag, Step step, int row, float[] state, int at) {
            int last = at + number + lag - 1;
            return switch (value) {
                case LAG -> state[last];
                case DIFFERENCE -> (lag == 1 ? given(step, row) : state[last - 1]) - state[last];
                case COUNT -> ScalarMath.log1p(state[at + COUNT]);
                case SINCE_LAST ->
                    ScalarMath.log1p((float) (Math.max(0, elapsed(step, row, state, at)) / MILLIS_A_SECOND));
            };
        }

        /// Milliseconds, exactly.
        private double elapsed(Step step, int row, float[] state, int at) {
            int ids = row * step.idsPerRow + layer.timeAt;
            return ((double) step.ids[ids] - state[at + time]) * PART
                    + (step.ids[ids + 1] - (double) state[at + time + 1]);
        }

        private float given(Step step, int row) {
            return step.numbers[row * step.numbersPerRow + layer.numberAt];
        }

        private int id(Step step, int row) {
            int id = step.ids[row * step.idsPerRow + layer.keyAt];
            if (id < 0 || id >= layer.rows) {
                throw Lookups.outOfBounds(row, layer.keyAt, id, layer.rows - 1);
            }
            return id;
        }

        private boolean isKnown(Step step, int row, float[] state, int at) {
            return state[at + COUNT] > 0 && state[at + TAG] == (float) step.ids[row * step.idsPerRow + layer.keyAt + 1];
        }

        /// Only the first difference has a gradient: that of the row's number, where the key is known.
        @Override
        public void backward(Step step) {
            Block dy = output.gradient();
            float[] gradient = step.numbersGradient;
            if (gradient.length == 0 || dy == null || layer.numberAt == NONE) {
                return;
            }
            Storage.Rows table = step.slab.rows(tensor);
            for (int row = 0; row < step.rows; row++) {
                int id = id(step, row);
                int from = dy.row(row);
                for (Value value : values) {
                    if (value == Value.DIFFERENCE && isKnown(step, row, table.block(id), table.at(id))) {
                        gradient[row * step.numbersPerRow + layer.numberAt] += dy.values[from];
                    }
                    from += layer.width(value);
                }
            }
        }

        @Override
        public void remember(Step step) {
            Storage.Rows table = step.slab.rows(tensor);
            for (int row = 0; row < step.rows; row++) {
                touched[row] = id(step, row);
            }
            // Called first, so that watchers can still copy the old rows.
            step.touchedRows.touched(tensor, touched, step.rows);
            for (int row = 0; row < step.rows; row++) {
                float[] state = table.block(touched[row]);
                int at = table.at(touched[row]);
                int ids = row * step.idsPerRow;
                boolean known = isKnown(step, row, state, at);
                state[at + COUNT] = known ? Math.min(state[at + COUNT] + 1, (float) PART) : 1;
                state[at + TAG] = (float) step.ids[ids + layer.keyAt + 1];
                if (layer.numberAt != NONE) {
                    int last = at + number;
                    for (int lag = layer.lags - 1; lag > 0; lag--) {
                        state[last + lag] = known ? state[last + lag - 1] : 0;
                    }
                    state[last] = given(step, row);
                }
                if (layer.timeAt != NONE) {
                    state[at + time] = (float) step.ids[ids + layer.timeAt];
                    state[at + time + 1] = (float) step.ids[ids + layer.timeAt + 1];
                }
            }
        }
    }
}
