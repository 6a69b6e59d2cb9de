package io.tidegrad.engine.layer;

/// (x - mean) / deviation, with the statistics from before the batch, for predicting and learning alike; a step then
/// learns them from the batch, row by row (Welford 1962), in doubles. The deviation is that of the population,
/// sqrt(Σ(x - mean)² / count).
///
/// Where nothing is known of the scale yet (fewer than two rows, or all equal so far) the output is 0: a raw distance of
/// 2,475 in the first row would fill Adam's second moment for thousands of steps.
///
/// State: count, then `width` means, then `width` sums of squared differences.
public record Standardise() implements Layer {
    private static final int MEANS_AT = 1;

    @Override
    public Planned plan(Planner planner, Shape input) {
        int width = planner.width(this, input);
        int statistics =
                planner.declare(
                        new Tensor.Statistics(planner.name("statistics"), MEANS_AT + 2 * width));
        return new Planned(
                input,
                false,
                (workspace, x, into) ->
                        new Bound(
                                width,
                                statistics,
                                x,
                                into != null
                                        ? into
                                        : workspace.activation(width, x.gradient() != null),
                                new double[width]));
    }

    /// @param deviations of the last forward; 0 where unknown
    private record Bound(
            int width, int statistics, Activation input, Activation output, double[] deviations)
            implements Pass {
        /// y = (x - mean) / deviation
        @Override
        public void forward(Step step) {
            double[] state = step.slab.statistics(statistics);
            double count = state[0];
            for (int column = 0; column < width; column++) {
                double squares = state[MEANS_AT + width + column];
                deviations[column] = count < 2 ? 0 : Math.sqrt(squares / count);
            }
            Block x = input.value();
            Block y = output.value();
            for (int row = 0; row < step.rows; row++) {
                int xAt = x.row(row);
                int yAt = y.row(row);
                for (int column = 0; column < width; column++) {
                    double difference = x.values[xAt + column] - state[MEANS_AT + column];
                    y.values[yAt + column] = (float) scaled(difference, deviations[column]);
                }
            }
        }

        /// dx = dy / deviation; then the statistics learn from x.
        @Override
        public void backward(Step step) {
            Block dx = input.gradient();
            if (dx != null) {
                Block dy = output.requireGradient();
                for (int row = 0; row < step.rows; row++) {
                    for (int column = 0; column < width; column++) {
                        dx.values[dx.row(row) + column] =
                                (float) scaled(dy.values[dy.row(row) + column], deviations[column]);
                    }
                }
            }
            if (step.learnsStatistics) {
                learn(step.rows, input.value(), step.target.statistics(statistics));
            }
        }

        private static double scaled(double value, double deviation) {
            // A value that is not finite passes, so that the step is refused instead of learned.
            return deviation > 0 ? value / deviation : 0 * value;
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
