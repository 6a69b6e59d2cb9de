package io.tidegrad.engine.layer;

import io.tidegrad.engine.random.CounterRandom;

/// While learning, y = x m / (1 - rate), where each m is 0 with probability `rate`, else 1, so that the mean of y is x.
/// While predicting, y = x. Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
/// overfitting".
///
/// The masks of a step are a pure function of (seed, this layer's place, step, index), so they need not be saved and
/// are the same after a restart. The backward pass draws them again instead of storing them.
///
/// @param rate in [0, 1), rounded to a multiple of 2^-24
/// @param maskFrom `DRAWN`, or the index in the row's numbers at which the masks begin, in row-major order of the
///     input's axes, to reproduce another framework's run
public record Dropout(double rate, int maskFrom) implements Layer {
    public static final int DRAWN = -1;

    /// Draws are whole numbers below this.
    private static final double DRAWS = 1 << 24;

    public Dropout {
        if (!(rate >= 0 && rate < 1)) {
            throw new IllegalArgumentException("rate: expected at least 0 and less than 1, found " + rate);
        }
        if (maskFrom < DRAWN) {
            throw new IllegalArgumentException("maskFrom: expected a column of the row's numbers, or " + DRAWN
                    + " for masks that are drawn, found " + maskFrom);
        }
    }

    public Dropout(double rate) {
        this(rate, DRAWN);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Grid grid = planner.grid(this, input);
        int numbers = planner.row().numbers();
        if (maskFrom != DRAWN && maskFrom + (long) grid.size() > numbers) {
            throw planner.mismatch(this, grid.size() + " numbers of the row from " + maskFrom + " on",
                    "a row of " + numbers + " numbers");
        }
        int purpose = planner.declareRandomStream();
        planner.declareLearnsDifferently();
        return new Planned(grid, false,
                (workspace, x, into) -> new Bound(grid, maskFrom, purpose,
                        (int) Math.min(DRAWS - 1, Math.round(rate * DRAWS)), (float) (1 / (1 - rate)), x,
                        workspace.output(grid, x, into)));
    }

    /// @param limit numbers whose draw is below it are dropped
    /// @param factor of numbers that are kept: 1 / (1 - rate)
    private record Bound(Shape.Grid grid, int maskFrom, int purpose, int limit, float factor, Activation input,
            Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            mask(step, input.value(), output.value());
        }

        /// dx = dy m / (1 - rate)
        @Override
        public void backward(Step step) {
            Block dx = input.gradient();
            if (dx != null) {
                mask(step, output.requireGradient(), dx);
            }
        }

        private void mask(Step step, Block x, Block y) {
            int lines = step.rows * grid.lines();
            int width = grid.width();
            if (!step.learns) {
                for (int line = 0; line < lines; line++) {
                    System.arraycopy(x.values, x.row(line), y.values, y.row(line), width);
                }
            } else if (maskFrom == DRAWN) {
                drawnMask(step, x, y);
            } else {
                maskOfTheRow(step, x, y);
            }
        }

        /// A number's index is that in the row-major order of the axes, whatever its place in memory.
        private void drawnMask(Step step, Block x, Block y) {
            long key = key(step);
            int size = grid.size();
            int rowStep = grid.columns() == Shape.Columns.LAST_AXIS ? grid.width() : 1;
            int columnStep = grid.columns() == Shape.Columns.LAST_AXIS ? 1 : grid.lines();
            for (int row = 0; row < step.rows; row++) {
                step.kernels.dropout(grid.lines(), grid.width(), key, row * size, rowStep, columnStep, limit, factor,
                        x.values, x.row(row * grid.lines()), x.stride, y.values, y.row(row * grid.lines()), y.stride);
            }
        }

        /// The key of the present step's masks. Steps count from 1 here, because 0 is used by the initialisation.
        private long key(Step step) {
            long low = CounterRandom.bits(step.seed, purpose, step.number + 1, 0);
            long high = CounterRandom.bits(step.seed, purpose, step.number + 1, 1);
            return high << 32 | low & 0xffffffffL;
        }

        private void maskOfTheRow(Step step, Block x, Block y) {
            for (int row = 0; row < step.rows; row++) {
                int mask = row * step.numbersPerRow + maskFrom;
                int xAt = x.row(row * grid.lines());
                int yAt = y.row(row * grid.lines());
                for (int i = 0; i < grid.size(); i++) {
                    float kept = step.numbers[mask + i] * factor;
                    y.values[yAt + grid.address(i, y.stride)] = x.values[xAt + grid.address(i, x.stride)] * kept;
                }
            }
        }
    }
}
