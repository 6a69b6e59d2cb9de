package io.tidegrad.engine.layer;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Normalises each column (channel) over all lines of all rows of a batch: y = n · weight + bias with n = (x - mean) /
/// sqrt(variance + epsilon). Ioffe & Szegedy 2015, "Batch normalization". Channels are the first axis of (channels, …),
/// or the numbers of a vector; `weight` (channels) starts at 1, `bias` (channels) at 0.
///
/// Prediction uses the running statistics, which are state: `running_mean` starts at 0, `running_var` at 1. Learning
/// uses the batch's mean and biased variance, then updates running = (1 - momentum) · running + momentum · of the
/// batch, where `running_var` uses the unbiased variance.
///
/// A batch with a single value per channel (one row of a vector) has no variance of its own, and a stream that learns
/// row by row consists of such batches. Such a batch is normalised by the running statistics, as constants, which are
/// then updated as exponentially weighted mean and variance (Finch 2009): mean += momentum · d, with d = value - old
/// mean, and variance = (1 - momentum) (variance + momentum d²).
///
/// @param momentum in (0, 1]
public record BatchNorm(double epsilon, double momentum) implements Layer {
    public BatchNorm {
        LineNorm.requireEpsilon(epsilon);
        if (!(momentum > 0 && momentum <= 1)) {
            throw new IllegalArgumentException("momentum: expected more than 0 and at most 1, found " + momentum);
        }
    }

    public BatchNorm() {
        this(1e-5, 0.1);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return planner.reading(this, input, Shape.Columns.FIRST_AXIS, grid -> plan(planner, grid));
    }

    private Planned plan(Planner planner, Shape.Grid grid) {
        int channels = grid.width();
        int weight = planner.declareVector("weight", channels, Tensor.Vector.Role.SCALE);
        int bias = planner.declareVector("bias", channels, Tensor.Vector.Role.BIAS);
        int mean = planner.declare(new Tensor.Statistics(planner.name("running_mean"), channels, 0));
        int variance = planner.declare(new Tensor.Statistics(planner.name("running_var"), channels, 1));
        planner.declareLearnsDifferently();
        return new Planned(grid, true, (workspace, x, into) -> new Bound(grid, weight, bias, mean, variance, x,
                workspace.block(grid), workspace.activation(grid, true)));
    }

    private final class Bound implements Pass {
        /// Lines that are summed in floats; these sums are added in doubles, so that many pixels lose no digits.
        private static final int LINES_A_SUM = 64;

        private final int linesPerRow;
        private final int channels;
        private final int weight;
        private final int bias;
        private final int runningMean;
        private final int runningVariance;
        private final Activation input;
        private final Block normal;
        private final Activation output;

        // Results of the last forward, each (channels).
        private boolean isOfBatch;
        private final double[] means;
        private final double[] variances;
        private final float[] inverse; // 1 / sqrt(variance + epsilon)

        private final double[] sums; // Σ dy
        private final double[] products; // Σ dy n
        private final float[] part;
        private final float[] scale;
        private final float[] shift;
        private final float[] ones;
        private final float[] zeros;

        Bound(Shape.Grid grid, int weight, int bias, int runningMean, int runningVariance, Activation input,
                Block normal, Activation output) {
            this.linesPerRow = grid.lines();
            this.channels = grid.width();
            this.weight = weight;
            this.bias = bias;
            this.runningMean = runningMean;
            this.runningVariance = runningVariance;
            this.input = input;
            this.normal = normal;
            this.output = output;
            means = new double[channels];
            variances = new double[channels];
            inverse = new float[channels];
            sums = new double[channels];
            products = new double[channels];
            part = new float[channels];
            scale = new float[channels];
            shift = new float[channels];
            ones = new float[channels];
            zeros = new float[channels];
            Arrays.fill(ones, 1);
        }

        @Override
        public Activation output() {
            return output;
        }

        /// n = (x - mean) / sqrt(variance + epsilon); y = n · weight + bias
        @Override
        public void forward(Step step) {
            int lines = step.rows * linesPerRow;
            Block x = input.value();
            isOfBatch = step.learns && lines > 1;
            if (isOfBatch) {
                sum(step, lines, x, null, means);
                divide(means, lines);
            } else {
                System.arraycopy(step.slab.statistics(runningMean), 0, means, 0, channels);
                System.arraycopy(step.slab.statistics(runningVariance), 0, variances, 0, channels);
            }
            for (int c = 0; c < channels; c++) {
                shift[c] = (float) -means[c];
            }
            multiplyAndAdd(step, lines, x, ones, shift, normal);
            if (isOfBatch) {
                sum(step, lines, normal, normal, variances);
                divide(variances, lines);
            }
            for (int c = 0; c < channels; c++) {
                inverse[c] = (float) (1 / Math.sqrt(variances[c] + epsilon));
            }
            multiplyAndAdd(step, lines, normal, inverse, zeros, normal);
            multiplyAndAdd(step, lines, normal, step.slab.dense(weight).weights(), step.slab.dense(bias).weights(),
                    output.value());
        }

        /// dbias = Σ dy, dweight = Σ dy n; dx = weight / sqrt(variance + epsilon) · (dy - Σ dy / N - n Σ dy n / N),
        /// where the sums are over the N lines of the batch. If mean and variance are not the batch's, the two terms
        /// with sums are left out.
        @Override
        public void backward(Step step) {
            int lines = step.rows * linesPerRow;
            Block dy = output.requireGradient();
            Block dx = input.gradient();
            sum(step, lines, dy, null, sums);
            sum(step, lines, dy, normal, products);
            if (dx != null) {
                inputGradient(step, lines, dy, dx);
            }
            update(step, weight, products);
            update(step, bias, sums);
            if (step.learnsStatistics) {
                learn(step, lines);
            }
        }

        private void inputGradient(Step step, int lines, Block dy, Block dx) {
            float[] w = step.slab.dense(weight).weights();
            for (int c = 0; c < channels; c++) {
                scale[c] = w[c] * inverse[c];
                shift[c] = isOfBatch ? (float) (-scale[c] * sums[c] / lines) : 0;
            }
            multiplyAndAdd(step, lines, dy, scale, shift, dx);
            if (isOfBatch) {
                for (int c = 0; c < channels; c++) {
                    scale[c] = (float) (-scale[c] * products[c] / lines);
                }
                step.kernels.scaleAndShift(lines, channels, normal.values, normal.at, normal.stride, scale, dx.values,
                        dx.at, dx.stride, dx.values, dx.at, dx.stride);
            }
        }

        private void update(Step step, int tensor, double[] gradient) {
            for (int c = 0; c < channels; c++) {
                part[c] = (float) (step.scale * gradient[c]);
            }
            Storage.Dense w = step.target.dense(tensor);
            step.kernels.update(step.optimizer(tensor), channels, part, 0, w.weights(), 0, w.state(), 0, 0);
        }

        private void learn(Step step, int lines) {
            double[] mean = step.slab.statistics(runningMean);
            double[] variance = step.slab.statistics(runningVariance);
            for (int c = 0; c < channels; c++) {
                if (isOfBatch) {
                    double unbiased = variances[c] * lines / (lines - 1);
                    mean[c] = (1 - momentum) * mean[c] + momentum * means[c];
                    variance[c] = (1 - momentum) * variance[c] + momentum * unbiased;
                } else {
                    double difference = input.value().values[input.value().at + c] - mean[c];
                    mean[c] += momentum * difference;
                    variance[c] = (1 - momentum) * (variance[c] + momentum * difference * difference);
                }
            }
        }

        /// Computes Σ a, or Σ a b, of each channel over the lines.
        private void sum(Step step, int lines, Block a, @Nullable Block b, double[] sums) {
            Arrays.fill(sums, 0);
            for (int from = 0; from < lines; from += LINES_A_SUM) {
                int count = Math.min(LINES_A_SUM, lines - from);
                if (b == null) {
                    step.kernels.columnSums(channels, count, 1, a.values, a.row(from), a.stride, part);
                } else {
                    step.kernels.columnProducts(channels, count, 1, a.values, a.row(from), a.stride, b.values,
                            b.row(from), b.stride, part);
                }
                for (int c = 0; c < channels; c++) {
                    sums[c] += part[c];
                }
            }
        }

        private static void divide(double[] sums, int lines) {
            for (int c = 0; c < sums.length; c++) {
                sums[c] /= lines;
            }
        }

        private void multiplyAndAdd(Step step, int lines, Block x, float[] scale, float[] shift, Block y) {
            step.kernels.scaleAndShift(lines, channels, x.values, x.at, x.stride, scale, shift, 0, 0, y.values, y.at,
                    y.stride);
        }
    }
}
