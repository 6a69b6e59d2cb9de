package io.tidegrad.engine.layer;

/// e^x / Σ e^x over the last axis. Before a categorical cross-entropy it is fused with the loss and never runs.
public record Softmax() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return planner.reading(this, input, Shape.Columns.LAST_AXIS, Softmax::plan);
    }

    private static Planned plan(Shape.Grid grid) {
        return new Planned(grid, false,
                (workspace, x, into) -> new Bound(grid.lines(), grid.width(), x, workspace.output(grid, x, into)));
    }

    private record Bound(int lines, int width, Activation input, Activation output) implements Pass {
        /// y = e^(x - max) / Σ e^(x - max)
        @Override
        public void forward(Step step) {
            Block x = input.value();
            Block y = output.value();
            step.kernels.softmax(step.rows * lines, width, x.values, x.at, x.stride, y.values, y.at, y.stride);
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
            for (int line = 0; line < step.rows * lines; line++) {
                int yAt = y.row(line);
                int dyAt = dy.row(line);
                int dxAt = dx.row(line);
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
