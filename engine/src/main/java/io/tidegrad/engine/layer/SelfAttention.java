package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import java.util.Optional;

/// Multi-head scaled dot-product self-attention over (steps, width), Vaswani et al. 2017, "Attention is all you need".
/// x W + b is q, k and v, concatenated; head h uses columns h d to h d + d (exclusive) of each, with d = width / heads,
/// and computes softmax(q kᵀ / sqrt(d)) v. The concatenated heads are multiplied by the output projection.
///
/// `in_proj_weight` (width, 3 · width), `in_proj_bias` (3 · width), `out_proj_weight` (width, width), `out_proj_bias`
/// (width): weights start Xavier uniform, biases at 0.
///
/// @param heads a divisor of the width
/// @param causal whether step t only attends to steps 0 to t
public record SelfAttention(int heads, boolean causal) implements Layer {
    public SelfAttention {
        if (heads < 1) {
            throw new IllegalArgumentException("heads: expected at least 1, found " + heads);
        }
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return planner.reading(this, input, Shape.Columns.LAST_AXIS, grid -> plan(planner, grid));
    }

    private Planned plan(Planner planner, Shape.Grid grid) {
        int width = grid.width();
        if (grid.axes().size() != 2) {
            throw planner.mismatch(this, "two axes, (steps, width)", grid.toString());
        }
        if (width % heads != 0) {
            throw planner.mismatch(this, "a width that is a multiple of its " + heads + " heads", "" + width);
        }
        if (width > Integer.MAX_VALUE / 3) {
            throw planner.mismatch(this, "a width of at most " + Integer.MAX_VALUE / 3, "" + width);
        }
        Planned projection = project(planner, grid, 3 * width, "in_proj");
        Planned attention = new Planned(grid, false,
                (workspace, x, into) -> new Bound(grid.lines(), width, x, workspace.activation(grid, true), workspace));
        return projection.then(attention).then(project(planner, grid, width, "out_proj"));
    }

    private Planned project(Planner planner, Shape.Grid grid, int outputs, String name) {
        return Dense.product(this, planner, grid, outputs, name + "_weight", Optional.of(name + "_bias"),
                Initialization.XAVIER_UNIFORM);
    }

    /// Computes the heads' outputs from q, k and v. Workers divide the heads of all rows among themselves.
    ///
    /// Steps are processed in blocks of 16, so that masked blocks are skipped; in blocks on the diagonal all scores are
    /// computed, and the masked weights set to 0.
    private final class Bound implements Pass {
        private static final int BLOCK = 16;

        private final int steps;
        private final int width; // of all heads
        private final int headWidth;
        private final float factor; // 1 / sqrt(headWidth)
        private final Activation input; // (rows · steps, 3 · width)
        private final Activation output; // (rows · steps, width)

        // For each row and head:
        private final int stride; // of steps, padded
        private final float[] transposed; // kᵀ or vᵀ, (headWidth, steps)
        private final float[] weights; // softmax(q kᵀ / sqrt(d)), (steps, steps)
        private final float[] gradients; // of the scores, (steps, steps); empty when predicting

        private final Step.Work forwardPart = this::forward;
        private final Step.Work backwardPart = this::backward;

        Bound(int steps, int width, Activation input, Activation output, Workspace workspace) {
            this.steps = steps;
            this.width = width;
            this.input = input;
            this.output = output;
            headWidth = width / heads;
            factor = (float) (1 / Math.sqrt(headWidth));
            stride = Workspace.padded(steps);
            int count = Math.multiplyExact(workspace.maxRows(), heads);
            transposed = workspace.floats(Math.multiplyExact(count, headWidth * stride));
            weights = workspace.floats(Math.multiplyExact(count, Math.multiplyExact(steps, stride)));
            gradients = workspace.learns() ? workspace.floatsLike(weights) : workspace.floats(0);
        }

        @Override
        public Activation output() {
            return output;
        }

        @Override
        public void forward(Step step) {
            share(step, 2, forwardPart);
        }

        @Override
        public void backward(Step step) {
            share(step, 4, backwardPart);
        }

        /// @param products matrix products of each head
        private void share(Step step, int products, Step.Work work) {
            int count = step.rows * heads;
            long multiplications = (long) count * steps * steps * headWidth * products;
            step.share(causal ? multiplications / 2 : multiplications, count, work);
        }

        private void forward(Step step, int part, int parts, int worker) {
            int count = step.rows * heads;
            int end = Workers.cut(count, part + 1, parts);
            for (int index = Workers.cut(count, part, parts); index < end; index++) {
                attend(step.kernels, index / heads, index % heads);
            }
        }

        private void backward(Step step, int part, int parts, int worker) {
            int count = step.rows * heads;
            int end = Workers.cut(count, part + 1, parts);
            for (int index = Workers.cut(count, part, parts); index < end; index++) {
                scoreGradients(step.kernels, index / heads, index % heads);
                gradients(step.kernels, index / heads, index % heads);
            }
        }

        /// P = softmax(q kᵀ / sqrt(d)), y = P v
        private void attend(Kernels kernels, int row, int head) {
            Block x = input.value();
            Block y = output.value();
            int q = x.row(row * steps) + head * headWidth;
            int k = q + width;
            int v = k + width;
            int yAt = y.row(row * steps) + head * headWidth;
            int p = weightsAt(row, head);
            int kT = transpose(kernels, x.values, k, x.stride, row, head);
            for (int from = 0; from < steps; from += BLOCK) {
                int rows = Math.min(BLOCK, steps - from);
                int seen = causal ? from + rows : steps;
                int block = p + from * stride;
                kernels.multiply(rows, Workspace.padded(seen), headWidth, factor, x.values, q + from * x.stride,
                        x.stride, 1, transposed, kT, stride, weights, block, stride);
                kernels.softmaxInLanes(rows, causal ? from + 1 : steps, causal ? 1 : 0, weights, block, stride);
                kernels.multiply(rows, headWidth, seen, 1, weights, block, stride, 1, x.values, v, x.stride, y.values,
                        yAt + from * y.stride, y.stride);
            }
        }

        /// dP = dy vᵀ; the gradient of the scores is dS = P (dP - Σ P dP)
        private void scoreGradients(Kernels kernels, int row, int head) {
            Block x = input.value();
            Block dy = output.requireGradient();
            int v = x.row(row * steps) + head * headWidth + 2 * width;
            int dyAt = dy.row(row * steps) + head * headWidth;
            int p = weightsAt(row, head);
            int vT = transpose(kernels, x.values, v, x.stride, row, head);
            for (int from = 0; from < steps; from += BLOCK) {
                int rows = Math.min(BLOCK, steps - from);
                int seen = Workspace.padded(causal ? from + rows : steps);
                int block = p + from * stride;
                kernels.multiply(rows, seen, headWidth, 1, dy.values, dyAt + from * dy.stride, dy.stride, 1, transposed,
                        vT, stride, gradients, block, stride);
                kernels.softmaxInLanesGradient(rows, seen, weights, block, stride, gradients, block, stride);
            }
        }

        /// dq = dS k / sqrt(d), dk = dSᵀ q / sqrt(d), dv = Pᵀ dy
        private void gradients(Kernels kernels, int row, int head) {
            Block x = input.value();
            Block dx = input.requireGradient();
            Block dy = output.requireGradient();
            int q = x.row(row * steps) + head * headWidth;
            int dq = dx.row(row * steps) + head * headWidth;
            int dyAt = dy.row(row * steps) + head * headWidth;
            int p = weightsAt(row, head);
            for (int from = 0; from < steps; from += BLOCK) {
                int rows = Math.min(BLOCK, steps - from);
                int seen = causal ? from + rows : steps;
                kernels.multiply(rows, headWidth, seen, factor, gradients, p + from * stride, stride, 1, x.values,
                        q + width, x.stride, dx.values, dq + from * dx.stride, dx.stride);
                // The steps that attend to these.
                int first = causal ? from : 0;
                kernels.multiply(rows, headWidth, steps - first, factor, gradients, p + first * stride + from, 1,
                        stride, x.values, q + first * x.stride, x.stride, dx.values, dq + width + from * dx.stride,
                        dx.stride);
                kernels.multiply(rows, headWidth, steps - first, 1, weights, p + first * stride + from, 1, stride,
                        dy.values, dyAt + first * dy.stride, dy.stride, dx.values, dq + 2 * width + from * dx.stride,
                        dx.stride);
            }
        }

        private int weightsAt(int row, int head) {
            return (row * heads + head) * steps * stride;
        }

        /// Transposes the head's (steps, headWidth) to (headWidth, steps) and returns its index.
        private int transpose(Kernels kernels, float[] values, int at, int from, int row, int head) {
            int to = (row * heads + head) * headWidth * stride;
            kernels.transpose(steps, steps, headWidth, values, at, from, transposed, to, stride);
            return to;
        }
    }
}
