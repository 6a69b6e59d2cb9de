package io.tidegrad.engine.layer;

/// max(x, 0)
public record Relu() implements Layer {
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
        /// y = max(x, 0)
        @Override
        public void forward(Step step) {
            Block x = input.value();
            Block y = output.value();
            boolean whole = x.liesAs(y);
            int length = whole ? step.rows * y.stride : width;
            for (int row = 0; row < (whole ? 1 : step.rows); row++) {
                step.kernels.relu(length, x.values, x.row(row), y.values, y.row(row));
            }
        }

        /// dx = y > 0 ? dy : 0, so that the slope at 0 is 0
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
                step.kernels.reluGradient(
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
