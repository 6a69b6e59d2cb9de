package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ActivationFunction;

/// Plans the activations that work number by number: y = f(x), dx = dy f'(x).
final class ElementwiseActivation {
    private ElementwiseActivation() {}

    /// @param factor the function's parameter; 0 if it has none
    static Planned plan(Planner planner, Layer layer, Shape input, ActivationFunction function, double factor) {
        Shape.Grid grid = planner.grid(layer, input);
        return new Planned(grid, false, (workspace, x, into) -> new Bound(grid.lines(), grid.width(), function,
                (float) factor, x, workspace.activation(grid, x.gradient() != null)));
    }

    private record Bound(int lines, int width, ActivationFunction function, float factor, Activation input,
            Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            Block x = input.value();
            Block y = output.value();
            boolean whole = x.liesAs(y);
            int length = length(step, whole);
            for (int run = 0; run < runs(step, whole); run++) {
                step.kernels.activate(function, factor, length, x.values, x.row(run), y.values, y.row(run));
            }
        }

        @Override
        public void backward(Step step) {
            Block dx = input.gradient();
            if (dx == null) {
                return;
            }
            Block x = input.value();
            Block y = output.value();
            Block dy = output.requireGradient();
            boolean whole = x.liesAs(y) && dx.liesAs(y);
            int length = length(step, whole);
            for (int run = 0; run < runs(step, whole); run++) {
                step.kernels.activateGradient(function, factor, length, x.values, x.row(run), y.values, y.row(run),
                        dy.values, dy.row(run), dx.values, dx.row(run));
            }
        }

        /// All lines are one run if they lie alike, padding included: a few more numbers cost less than a tail in each
        /// line.
        private int runs(Step step, boolean whole) {
            return whole ? 1 : step.rows * lines;
        }

        private int length(Step step, boolean whole) {
            return whole ? step.rows * lines * output.value().stride : width;
        }
    }
}
