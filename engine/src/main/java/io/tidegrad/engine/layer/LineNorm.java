package io.tidegrad.engine.layer;

/// The implementation of `LayerNorm` and `RmsNorm`: n = (x - mean) r with r = 1 / sqrt(mean of (x - mean)² + epsilon),
/// then y = n · weight + bias. RMS norm uses 0 for the mean and has no bias.
final class LineNorm {
    private static final int NO_BIAS = -1;

    /// The calling thread's number among the workers.
    private static final int CALLER = 0;

    private LineNorm() {}

    static void requireEpsilon(double epsilon) {
        if (!(epsilon > 0 && epsilon < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("epsilon: expected more than 0, found " + epsilon);
        }
    }

    static Planned plan(Planner planner, Shape.Grid grid, boolean centred, double epsilon) {
        int width = grid.width();
        int weight = planner.declareVector("weight", width, Tensor.Vector.Role.SCALE);
        int bias = centred ? planner.declareVector("bias", width, Tensor.Vector.Role.BIAS) : NO_BIAS;
        return new Planned(grid, true,
                (workspace, x, into) -> new Bound(grid.lines(), width, centred, (float) epsilon, weight, bias, x,
                        workspace.block(grid), workspace.floats(Math.multiplyExact(workspace.maxRows(), grid.lines())),
                        workspace.floats(Workspace.padded(width)), workspace.activation(grid, true)));
    }

    /// @param normal n of the last forward
    /// @param inverse r of each line
    /// @param zeros stands for the bias where there is none, as in RMS norm and in gradients
    private record Bound(int lines, int width, boolean centred, float epsilon, int weight, int bias, Activation input,
            Block normal, float[] inverse, float[] zeros, Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            Block x = input.value();
            Block y = output.value();
            int lines = step.rows * this.lines;
            step.kernels.normalise(centred, lines, width, epsilon, x.values, x.at, x.stride, normal.values, normal.at,
                    normal.stride, inverse, 0);
            step.kernels.scaleAndShift(lines, width, normal.values, normal.at, normal.stride,
                    step.slab.dense(weight).weights(), bias == NO_BIAS ? zeros : step.slab.dense(bias).weights(), 0, 0,
                    y.values, y.at, y.stride);
        }

        /// With g = dy · weight and means over the line: dx = r (g - mean of g - n · mean of (g n)); dweight = Σ dy n,
        /// dbias = Σ dy over the lines.
        @Override
        public void backward(Step step) {
            Block dx = input.gradient();
            Block dy = output.requireGradient();
            int lines = step.rows * this.lines;
            if (dx != null) {
                step.kernels.scaleAndShift(lines, width, dy.values, dy.at, dy.stride, step.slab.dense(weight).weights(),
                        zeros, 0, 0, dx.values, dx.at, dx.stride);
                step.kernels.normaliseGradient(centred, lines, width, normal.values, normal.at, normal.stride, inverse,
                        0, dx.values, dx.at, dx.stride);
            }
            step.updateScale(weight, width, lines, normal, dy, step.tile(CALLER));
            if (bias != NO_BIAS) {
                step.updateBias(bias, width, lines, dy, step.tile(CALLER));
            }
        }
    }
}
