package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;

/// Plans the activations that work number by number: y = f(x), dx = dy f'(x).
final class ElementwiseActivation {
    private ElementwiseActivation() {}

    /// The kernel for y = f(x) on a run of numbers.
    @FunctionalInterface
    interface Function {
        void apply(Kernels kernels, int length, float[] x, int xAt, float[] y, int yAt);
    }

    /// The kernel for dx = dy f'(x); it may use x and y.
    @FunctionalInterface
    interface Slope {
        void apply(Kernels kernels, int length, float[] x, int xAt, float[] y, int yAt, float[] dy, int dyAt,
                float[] dx, int dxAt);
    }

    static Planned plan(Planner planner, Layer layer, Shape input, Function function, Slope slope) {
        Shape.Grid grid = planner.grid(layer, input);
        return new Planned(grid, false, (workspace, x, into) -> new Bound(grid.lines(), grid.width(), function, slope,
                x, workspace.activation(grid, x.gradient() != null)));
    }

    private record Bound(int lines, int width, Function function, Slope slope, Activation input,
            Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            Block x = input.value();
            Block y = output.value();
            if (x.liesAs(y)) {
                // This includes the padding: a few more numbers cost less than a tail in each line.
                function.apply(step.kernels, step.rows * lines * y.stride, x.values, 0, y.values, 0);
                return;
            }
            for (int line = 0; line < step.rows * lines; line++) {
                function.apply(step.kernels, width, x.values, x.row(line), y.values, y.row(line));
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
            int runs = whole ? 1 : step.rows * lines;
            int length = whole ? step.rows * lines * y.stride : width;
            for (int run = 0; run < runs; run++) {
                slope.apply(step.kernels, length, x.values, x.row(run), y.values, y.row(run), dy.values, dy.row(run),
                        dx.values, dx.row(run));
            }
        }
    }
}
