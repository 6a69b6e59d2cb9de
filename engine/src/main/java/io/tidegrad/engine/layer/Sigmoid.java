package io.tidegrad.engine.layer;

/// 1 / (1 + e^-x)
public record Sigmoid() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        int width = planner.width(this, input);
        return new Planned(
                input,
                false,
                (workspace, x, into) ->
                        new Bound(width, x, workspace.activation(width, x.gradient() != null)));
    }

    private record Bound(int width, Activation input, Activation output) implements Pass {
        /// y = 1 / (1 + e^-x)
        @Override
        public void forward(Step step) {
            Block x = input.value();
            Block y = output.value();
            // Not on padding, where it would leave 1/2.
            boolean whole = x.liesAs(y) && y.stride == width;
            int length = whole ? step.rows * y.stride : width;
            for (int row = 0; row < (whole ? 1 : step.rows); row++) {
                step.kernels.sigmoid(length, x.values, x.row(row), y.values, y.row(row));
            }
        }

        /// dx = dy y (1 - y)
        @Override
        public void backward(Step step) {
            Block dx = input.gradient();
            if (dx == null) {
                return;
            }
            Block y = output.value();
            Block dy = output.requireGradient();
            boolean whole = dx.liesAs(y);
            int length = whole ? step.rows * y.stride : width;
            for (int row = 0; row < (whole ? 1 : step.rows); row++) {
                step.kernels.sigmoidGradient(
                        length,
                        y.values,
                        y.row(row),
                        dy.values,
                        dy.row(row),
                        dx.values,
                        dx.row(row));
            }
        }
    }
}
