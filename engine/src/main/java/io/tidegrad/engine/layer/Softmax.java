package io.tidegrad.engine.layer;

/// e^x / Σ e^x over the last axis. Before a categorical cross-entropy it is fused with the loss and never runs.
public record Softmax() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        int width = planner.width(this, input);
        return new Planned(
                input,
                false,
                (workspace, x, into) ->
                        new Bound(
                                width,
                                x,
                                into != null
                                        ? into
                                        : workspace.activation(width, x.gradient() != null)));
    }

    private record Bound(int width, Activation input, Activation output) implements Pass {
        /// y = e^(x - max) / Σ e^(x - max)
        @Override
        public void forward(Step step) {
            Block x = input.value();
            Block y = output.value();
            step.kernels.softmax(
                    step.rows, width, x.values, x.at, x.stride, y.values, y.at, y.stride);
        }

        /// dx = y (dy - Σ dy y)
        @Override
        public void backward(Step step) {
            Block dx = input.gradient();
            if (dx == null) {
                return;
            }
            Block y = output.value();
            Block dy = output.requireGradient();
            for (int row = 0; row < step.rows; row++) {
                int yAt = y.row(row);
                int dyAt = dy.row(row);
                int dxAt = dx.row(row);
                float sum = 0;
                for (int i = 0; i < width; i++) {
                    sum = Math.fma(dy.values[dyAt + i], y.values[yAt + i], sum);
                }
                for (int i = 0; i < width; i++) {
                    dx.values[dxAt + i] = y.values[yAt + i] * (dy.values[dyAt + i] - sum);
                }
            }
        }
    }
}
