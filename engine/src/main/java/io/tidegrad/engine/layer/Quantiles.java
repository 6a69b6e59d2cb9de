package io.tidegrad.engine.layer;

import java.util.Arrays;

/// Puts a number of the row in one of `buckets` buckets, whose bounds are quantiles of what was seen of it, and selects the
/// bucket's row of a table (buckets + 1, dimension); the last row is that of a missing number. Output: the table row.
///
/// Like `Standardise` it answers by the state from before the batch, both in prediction and learning; a step then updates the
/// state row by row, in doubles. The state is a summary of the numbers: markers, which are numbers that were seen, in their
/// order, each with a weight. A number adds 1 to its marker or begins one; then, if there are more than `MARKERS` · buckets,
/// the adjacent two whose weights have the least sum become one, at the heavier's place. So it is an equi-depth histogram as
/// Gibbons, Matias and Poosala (1997) maintain one, and only the order of numbers decides: heavy tails and other units change
/// nothing, equal numbers stay together, and there is no phase in which bounds are far off. It forgets: the weights sum to
/// `MEMORY` at most, and are multiplied by what keeps that.
///
/// **Bounds**: F_j is the weight before marker j and half of its own. With total weight T, bound k of N - 1 is where F reaches
/// T·k / N, between markers on a straight line: the first marker if F is greater there, infinite if less at the last. Up to N
/// markers, each number that was seen has a bucket of its own: bound k is marker ceil(k · markers / N), counted from 0;
/// infinite if there is none. The bucket is how many bounds are not above the number.
///
/// There is no gradient of the number: a bucket's row does not depend on where in it the number is.
///
/// State: number of markers, T, the markers, their weights; both have room for one more.
///
/// @param numberAt index of the row's number
/// @param missingAt index of the row's id that is not 0 where the number is missing; `NEVER_MISSING` without one
/// @param start the bound of the table's first weights, as of an `Embedding`
public record Quantiles(int numberAt, int missingAt, int buckets, int dimension, Embedding.Update update,
        float start) implements Layer {
    /// Every row has the number.
    public static final int NEVER_MISSING = -1;

    /// The most buckets: a step reads all markers.
    public static final int BUCKETS_MAX = 256;

    /// Shares of 16 buckets lie then within 0.6 and 1.5 of a sixteenth (`QuantilesTest`).
    private static final int MARKERS = 4;

    /// The weight of all numbers that were seen: the 10,000 newest weigh 63 % of it. A share of a sixteenth is then known
    /// to 4 % of itself, and bounds follow a stream that has changed for good in some ten thousand rows.
    private static final double MEMORY = 10_000;

    private static final int COUNT = 0;
    private static final int TOTAL = 1;
    private static final int MARKERS_AT = 2;

    public Quantiles(int numberAt, int missingAt, int buckets, int dimension, Embedding.Update update) {
        this(numberAt, missingAt, buckets, dimension, update, Embedding.START);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Row row = planner.row(this, input);
        requireNumber(planner, this, numberAt, row);
        if (missingAt != NEVER_MISSING) {
            Embedding.requireIds(planner, this, missingAt, 1, row);
        }
        if (buckets < 2 || buckets > BUCKETS_MAX || dimension < 1) {
            throw planner.mismatch(this, "2 to " + BUCKETS_MAX + " buckets of a dimension of at least 1",
                    buckets + " of " + dimension);
        }
        int statistics =
                planner.declare(new Tensor.Statistics(planner.name("statistics"), MARKERS_AT + 2 * room(buckets)));
        Tensor.Table table = new Tensor.Table(planner.name("weight"), buckets + 1, dimension, 1,
                update == Embedding.Update.TOUCHED, Embedding.NO_PADDING, start);
        int tensor = planner.declare(table);
        planner.declareLearned(this, statistics);
        return new Planned(Shape.Grid.vector(dimension), true, (workspace, x, into) -> {
            workspace.count((long) Integer.BYTES * workspace.maxRows());
            return new Bound(this, statistics, new Lookups(tensor, table, workspace),
                    workspace.bounds(this, statistics), new int[workspace.isCounting() ? 0 : workspace.maxRows()],
                    into != null ? into : workspace.activation(1, dimension, true));
        });
    }

    static void requireNumber(Planner planner, Layer layer, int numberAt, Shape.Row row) {
        if (numberAt < 0 || numberAt >= row.numbers()) {
            throw planner.mismatch(layer, "a number within the row's " + row.numbers(), "number " + numberAt);
        }
    }

    private static int room(int buckets) {
        return MARKERS * buckets + 1;
    }

    /// Computes the bounds, `buckets` - 1 of them, in ascending order.
    ///
    /// @param state the layer's `statistics`
    public static void bounds(double[] state, int buckets, double[] bounds) {
        int markers = (int) state[COUNT];
        if (markers <= buckets) {
            for (int k = 1; k < buckets; k++) {
                int marker = Math.ceilDiv(k * markers, buckets);
                bounds[k - 1] = marker < markers ? state[MARKERS_AT + marker] : Double.POSITIVE_INFINITY;
            }
            return;
        }
        int weights = MARKERS_AT + room(buckets);
        int marker = 0;
        double reached = state[weights] / 2;
        double gap = (state[weights] + state[weights + 1]) / 2;
        for (int k = 1; k < buckets; k++) {
            double wanted = state[TOTAL] * k / buckets;
            while (marker + 1 < markers && reached + gap <= wanted) {
                reached += gap;
                marker++;
                gap = marker + 1 < markers ? (state[weights + marker] + state[weights + marker + 1]) / 2 : 0;
            }
            double from = state[MARKERS_AT + marker];
            if (wanted < reached) {
                bounds[k - 1] = from;
            } else if (marker + 1 == markers) {
                bounds[k - 1] = Double.POSITIVE_INFINITY;
            } else {
                double to = state[MARKERS_AT + marker + 1];
                bounds[k - 1] = Math.min(from + (to - from) * ((wanted - reached) / gap), to);
            }
        }
    }

    /// Which of the buckets between ascending bounds has the number: how many bounds are not above it.
    private static int bucket(double[] bounds, float number) {
        int from = 0;
        int to = bounds.length;
        while (from < to) {
            int middle = (from + to) >>> 1;
            if (bounds[middle] <= number) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        return from;
    }

    /// The bounds by the state before a batch, which the first pass computes that asks for them: the layer's own, or one of the
    /// crosses that read them.
    static final class Bounds {
        private final int buckets;
        private final int statistics;
        private final double[] bounds;
        private long batch;

        Bounds(int buckets, int statistics, double[] bounds) {
            this.buckets = buckets;
            this.statistics = statistics;
            this.bounds = bounds;
        }

        /// Which bucket has the number.
        int bucket(Step step, float number) {
            if (batch != step.batch()) {
                Quantiles.bounds(step.slab.statistics(statistics), buckets, bounds);
                batch = step.batch();
            }
            return Quantiles.bucket(bounds, number);
        }
    }

    /// @param chosen table rows of the batch
    private record Bound(Quantiles layer, int statistics, Lookups lookups, Bounds bounds, int[] chosen,
            Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            Block y = output.value();
            for (int row = 0; row < step.rows; row++) {
                if (isMissing(step, row)) {
                    chosen[row] = layer.buckets;
                } else {
                    step.watch(row, number(step, row));
                    chosen[row] = bounds.bucket(step, number(step, row));
                }
                lookups.read(step, chosen, row, 1, y.values, y.row(row));
            }
        }

        private boolean isMissing(Step step, int row) {
            return layer.missingAt != NEVER_MISSING && step.ids[row * step.idsPerRow + layer.missingAt] != 0;
        }

        private float number(Step step, int row) {
            return step.numbers[row * step.numbersPerRow + layer.numberAt];
        }

        @Override
        public double inputMagnitude(Step step) {
            return step.rows;
        }

        /// Of the table as an `Embedding` does. Then updates the state from the numbers.
        @Override
        public void backward(Step step) {
            if (!lookups.isFrozen(step)) {
                lookups.backward(step, chosen, 1, 0, 1, output.requireGradient());
            }
            if (step.learnsStatistics) {
                double[] state = step.slab.statistics(statistics);
                for (int row = 0; row < step.rows; row++) {
                    if (!isMissing(step, row)) {
                        learn(state, room(layer.buckets), number(step, row));
                    }
                }
            }
        }

        private static void learn(double[] state, int room, float number) {
            int weights = MARKERS_AT + room;
            int markers = (int) state[COUNT];
            if (state[TOTAL] + 1 > MEMORY) {
                double kept = (MEMORY - 1) / state[TOTAL];
                for (int i = 0; i < markers; i++) {
                    state[weights + i] *= kept;
                }
            }
            // The sum makes one number of 0 and -0, which a search tells apart.
            int found = Arrays.binarySearch(state, MARKERS_AT, MARKERS_AT + markers, number + 0.0);
            if (found >= 0) {
                state[found + room]++;
            } else {
                int at = -found - 1;
                insert(state, at, MARKERS_AT + markers, number + 0.0);
                insert(state, at + room, weights + markers, 1);
                markers++;
                if (markers == room) {
                    merge(state, room);
                    markers--;
                }
            }
            double total = 0;
            for (int i = 0; i < markers; i++) {
                total += state[weights + i];
            }
            state[COUNT] = markers;
            state[TOTAL] = total;
        }

        private static void insert(double[] state, int at, int end, double value) {
            System.arraycopy(state, at, state, at + 1, end - at);
            state[at] = value;
        }

        /// Makes one marker of the first two that have the least weight together.
        private static void merge(double[] state, int room) {
            int weights = MARKERS_AT + room;
            int least = weights;
            for (int i = weights + 1; i + 1 < weights + room; i++) {
                if (state[i] + state[i + 1] < state[least] + state[least + 1]) {
                    least = i;
                }
            }
            double sum = state[least] + state[least + 1];
            // The lighter marker goes.
            remove(state, state[least + 1] > state[least] ? least - room : least + 1 - room, weights);
            remove(state, least, weights + room);
            state[least] = sum;
        }

        private static void remove(double[] state, int at, int end) {
            System.arraycopy(state, at + 1, state, at, end - at - 1);
            state[end - 1] = 0;
        }
    }
}
