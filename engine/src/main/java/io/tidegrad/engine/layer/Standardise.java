package io.tidegrad.engine.layer;

/// (x - mean) / deviation, with the statistics from before the batch, both in prediction and learning. A step then
/// updates the statistics row by row (Welford 1962), in doubles. The deviation is that of the population, sqrt(Σ(x
/// - mean)² / count).
///
/// After few rows the estimated scale is poor: a raw distance of 2,475, or a value 60 deviations away because two rows
/// happened to be alike, would dominate Adam's second moment for thousands of steps and make SGD diverge. So the output
/// is 0 while the deviation is unknown (fewer than two rows, or all equal so far), and is clipped to ±sqrt(count): no
/// value of a sample lies further from the sample's mean (Samuelson 1968), so beyond that the estimate is wrong. After
/// 10,000 rows the bound is ±100, unless `clip` is less.
///
/// State: count, then `width` means, then `width` sums of squared differences.
///
/// @param clip deviations that the output is held within as well; `UNCLIPPED` for none
public record Standardise(double clip) implements Layer {
    public static final double UNCLIPPED = Double.POSITIVE_INFINITY;

    private static final int MEANS_AT = 1;

    public Standardise {
        if (!(clip > 0)) {
            throw new IllegalArgumentException("standardise: expected a clip above 0, found " + clip);
        }
    }

    public Standardise() {
        this(UNCLIPPED);
    }

    /// Where in the state the mean of column number `column` is.
    public static int meanAt(int column) {
        return MEANS_AT + column;
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Grid grid = planner.grid(this, input);
        if (grid.axes().size() != 1) {
            throw planner.mismatch(this, "a vector", grid.toString());
        }
        int width = grid.width();
        int statistics = planner.declare(new Tensor.Statistics(planner.name("statistics"), MEANS_AT + 2 * width));
        return new Planned(grid, false, (workspace, x, into) -> new Bound(width, clip, statistics, x,
                workspace.output(grid, x, into), new double[width]));
    }

    /// @param deviations of the last forward; 0 if unknown
    private record Bound(int width, double clip, int statistics, Activation input, Activation output,
            double[] deviations) implements Pass {
        /// y = (x - mean) / deviation, clipped to ±sqrt(count) and ±clip
        @Override
        public void forward(Step step) {
            double[] state = step.slab.statistics(statistics);
            double count = state[0];
            for (int column = 0; column < width; column++) {
                double squares = state[MEANS_AT + width + column];
                deviations[column] = count < 2 ? 0 : Math.sqrt(squares / count);
            }
            double limit = Math.min(Math.sqrt(count), clip);
            Block x = input.value();
            Block y = output.value();
            for (int row = 0; row < step.rows; row++) {
                int xAt = x.row(row);
                int yAt = y.row(row);
                for (int column = 0; column < width; column++) {
                    double difference = x.values[xAt + column] - state[MEANS_AT + column];
                    y.values[yAt + column] = (float) within(limit, scaled(difference, deviations[column]));
                }
            }
        }

        /// dx = dy / deviation, 0 where y was clipped. Then updates the statistics from x.
        @Override
        public void backward(Step step) {
            Block dx = input.gradient();
            if (dx != null) {
                Block y = output.value();
                Block dy = output.requireGradient();
                float limit = (float) Math.min(Math.sqrt(step.slab.statistics(statistics)[0]), clip);
                for (int row = 0; row < step.rows; row++) {
                    for (int column = 0; column < width; column++) {
                        boolean held = Math.abs(y.values[y.row(row) + column]) >= limit;
                        float g = held ? 0 : dy.values[dy.row(row) + column];
                        dx.values[dx.row(row) + column] = (float) scaled(g, deviations[column]);
                    }
                }
            }
            if (step.learnsStatistics) {
                learn(step.rows, input.value(), step.slab.statistics(statistics));
            }
        }

        // In both cases a value that is not finite passes, so that the step is refused.

        private static double scaled(double value, double deviation) {
            return deviation > 0 ? value / deviation : 0 * value;
        }

        private static double within(double limit, double value) {
            return Double.isFinite(value) ? Math.clamp(value, -limit, limit) : value;
        }

        private void learn(int rows, Block x, double[] state) {
            for (int row = 0; row < rows; row++) {
                double count = ++state[0];
                for (int column = 0; column < width; column++) {
                    double value = x.values[x.row(row) + column];
                    double before = value - state[MEANS_AT + column];
                    state[MEANS_AT + column] += before / count;
                    state[MEANS_AT + width + column] += before * (value - state[MEANS_AT + column]);
                }
            }
        }
    }
}
