package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ScalarMath;
import java.util.List;

/// (x - mean) / deviation, for streams whose numbers drift, jump, or have heavy tails. Like `Standardise` it uses the
/// statistics from before the batch and then updates them row by row, in doubles, but:
///
/// - they forget: with n values seen, a value has weight a = max(1 / (n + 1), `forget`): e = x - mean; mean += a e;
///   variance = (1 - a)(variance + a e²); d += a (|e| - d), the mean distance. A missing value is skipped.
/// - x is held within 20 deviations of the mean before it enters them: one 1e12 would hide everything for long.
/// - where d is below half of the deviation, tails are heavy, and q takes the place of x: sign(x) ln(1 + |x| / e^g), where g
///   is the running mean of ln |x| of values that are not 0 (weight max(1 / n₀, `forget`)), with a mean and a variance of
///   its own by the same rule.
/// - the output is clipped to ±`clip`. It is 0 where the value is missing, fewer than two were seen, or all were equal.
///
/// Input: `flags.size()` values, then flags, 1 where a value is missing. Output: as many numbers, flags unchanged.
///
/// State, `COLUMNS` doubles a value: n, mean, variance, d, n₀, g, mean of q, variance of q.
///
/// @param flags for each value the column of its flag, or `NEVER_MISSING`
/// @param forget the weight of a value among very many; 0: all count alike
/// @param clip deviations that the output is held within
/// @param heavyTails whether q may take the place of x
public record RunningScale(List<Integer> flags, double forget, double clip, boolean heavyTails) implements Layer {
    public static final int NEVER_MISSING = -1;

    /// Suits most streams: a value that is 100,000 values old has a third of its weight left.
    public static final double FORGET = 1e-5;

    public static final double CLIP = 5;

    private static final double HELD_WITHIN = 20;
    private static final double HEAVY = 0.5;
    private static final int COLUMNS = 8;
    private static final int MEAN = 1;
    private static final int VARIANCE = 2;
    private static final int DISTANCE = 3;
    private static final int NOT_ZERO = 4;
    private static final int LOG = 5;
    private static final int BENT_MEAN = 6;
    private static final int BENT_VARIANCE = 7;

    public RunningScale {
        flags = List.copyOf(flags);
        if (!(forget >= 0 && forget < 1 && clip > 0)) {
            throw new IllegalArgumentException("running scale: expected to forget a share from 0 to below 1, and a"
                    + " clip above 0, found " + forget + " and " + clip);
        }
    }

    public RunningScale(List<Integer> flags) {
        this(flags, FORGET, CLIP, true);
    }

    /// Where in the state the mean of value number `value` is.
    public static int meanAt(int value) {
        return COLUMNS * value + MEAN;
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Grid grid = planner.grid(this, input);
        int width = grid.width();
        if (grid.axes().size() != 1 || flags.size() > width
                || flags.stream().anyMatch(flag -> flag != NEVER_MISSING && (flag < flags.size() || flag >= width))) {
            throw planner.mismatch(this, "a vector of " + flags.size() + " values and their flags", grid.toString());
        }
        int statistics = planner.declare(new Tensor.Statistics(planner.name("statistics"), COLUMNS * flags.size()));
        int[] flagOf = flags.stream().mapToInt(flag -> flag).toArray();
        return new Planned(grid, false,
                (workspace, x, into) -> new Bound(this, flagOf, width, statistics, x, workspace.output(grid, x, into)));
    }

    private record Bound(RunningScale scale, int[] flagOf, int width, int statistics, Activation input,
            Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            double[] state = step.slab.statistics(statistics);
            Block x = input.value();
            Block y = output.value();
            for (int row = 0; row < step.rows; row++) {
                int xAt = x.row(row);
                int yAt = y.row(row);
                for (int i = 0; i < flagOf.length; i++) {
                    y.values[yAt + i] =
                            isMissing(x, xAt, i) ? 0 : (float) scaled(state, i * COLUMNS, x.values[xAt + i]);
                }
                System.arraycopy(x.values, xAt + flagOf.length, y.values, yAt + flagOf.length, width - flagOf.length);
            }
        }

        private boolean isMissing(Block x, int at, int value) {
            return flagOf[value] != NEVER_MISSING && x.values[at + flagOf[value]] != 0;
        }

        /// A value that is not finite passes, so that the step is refused.
        private double scaled(double[] state, int at, float value) {
            if (!Float.isFinite(value)) {
                return value;
            }
            double variance = state[at + VARIANCE];
            if (state[at] < 2 || !(variance > 0)) {
                return 0;
            }
            double deviation = Math.sqrt(variance);
            if (isHeavy(state, at, deviation)) {
                double q = bent(value, state[at + LOG]);
                return clipped((q - state[at + BENT_MEAN]) / Math.sqrt(state[at + BENT_VARIANCE]));
            }
            return clipped((value - state[at + MEAN]) / deviation);
        }

        private boolean isHeavy(double[] state, int at, double deviation) {
            return scale.heavyTails && state[at + DISTANCE] < HEAVY * deviation && state[at + BENT_VARIANCE] > 0;
        }

        private double clipped(double value) {
            return Math.clamp(value, -scale.clip, scale.clip);
        }

        /// sign(x) ln(1 + |x| / e^g)
        private static double bent(double x, double g) {
            // Held where a float ends: values near 1e-40 and one of 1e10 after many of 1e-30 would give no number.
            float usual = Math.max(ScalarMath.exp((float) g), Float.MIN_NORMAL);
            float magnitude = ScalarMath.log1p(Math.min((float) Math.abs(x) / usual, Float.MAX_VALUE));
            return x < 0 ? -magnitude : magnitude;
        }

        /// dx = dy / deviation, 0 where y was clipped. Then updates the statistics from x.
        @Override
        public void backward(Step step) {
            double[] state = step.slab.statistics(statistics);
            Block dx = input.gradient();
            if (dx != null) {
                for (int row = 0; row < step.rows; row++) {
                    backward(state, row, dx, output.requireGradient());
                }
            }
            if (step.learnsStatistics) {
                Block x = input.value();
                for (int row = 0; row < step.rows; row++) {
                    int at = x.row(row);
                    for (int i = 0; i < flagOf.length; i++) {
                        if (!isMissing(x, at, i)) {
                            learn(state, i * COLUMNS, x.values[at + i]);
                        }
                    }
                }
            }
        }

        private void backward(double[] state, int row, Block dx, Block dy) {
            for (int i = 0; i < width; i++) {
                float slope = i < flagOf.length ? slope(state, i, row) : 1;
                dx.values[dx.row(row) + i] = slope * dy.values[dy.row(row) + i];
            }
        }

        private float slope(double[] state, int value, int row) {
            int at = value * COLUMNS;
            double variance = state[at + VARIANCE];
            float y = output.value().values[output.value().row(row) + value];
            if (y == 0 && (state[at] < 2 || !(variance > 0)) || Math.abs(y) >= (float) scale.clip) {
                return 0;
            }
            double deviation = Math.sqrt(variance);
            if (isHeavy(state, at, deviation)) {
                double x = input.value().values[input.value().row(row) + value];
                double bend = ScalarMath.exp((float) state[at + LOG]) + Math.abs(x);
                return (float) (1 / (bend * Math.sqrt(state[at + BENT_VARIANCE])));
            }
            return (float) (1 / deviation);
        }

        private void learn(double[] state, int at, double value) {
            double weight = Math.max(1 / (state[at] + 1), scale.forget);
            double x = value;
            if (state[at] >= 2 && state[at + VARIANCE] > 0) {
                double reach = HELD_WITHIN * Math.sqrt(state[at + VARIANCE]);
                x = Math.clamp(x, state[at + MEAN] - reach, state[at + MEAN] + reach);
            }
            // The first value has no distance from a mean.
            double e = state[at] == 0 ? 0 : x - state[at + MEAN];
            state[at + MEAN] = state[at] == 0 ? x : state[at + MEAN] + weight * e;
            state[at + VARIANCE] = (1 - weight) * (state[at + VARIANCE] + weight * e * e);
            state[at + DISTANCE] += weight * (Math.abs(e) - state[at + DISTANCE]);
            double q = 0;
            if (x != 0) {
                double seen = ++state[at + NOT_ZERO];
                double log = ScalarMath.log((float) Math.abs(x));
                state[at + LOG] += Math.max(1 / seen, scale.forget) * (log - state[at + LOG]);
                q = bent(x, state[at + LOG]);
            }
            double bentE = state[at] == 0 ? 0 : q - state[at + BENT_MEAN];
            state[at + BENT_MEAN] = state[at] == 0 ? q : state[at + BENT_MEAN] + weight * bentE;
            state[at + BENT_VARIANCE] = (1 - weight) * (state[at + BENT_VARIANCE] + weight * bentE * bentE);
            state[at]++;
        }
    }
}
