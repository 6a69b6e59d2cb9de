package io.tidegrad.engine.layer;

/// y = x + b on the last axis; dx = dy, db = Σ dy. b starts at 0. For layers without a bias of their own, such as an
/// `EmbeddingBag`.
public record Bias() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return planner.reading(this, input, Shape.Columns.LAST_AXIS, grid -> plan(planner, grid));
    }

    private static Planned plan(Planner planner, Shape.Grid grid) {
        int bias = planner.declareVector("bias", grid.width(), Tensor.Vector.Role.BIAS);
        return new Planned(grid, true, (workspace, x, into) -> {
            Activation y = workspace.activation(grid, true);
            // The gradients of input and output are the same, so they share a block.
            Block dy = x.gradient() != null ? x.gradient() : y.gradient();
            return new Bound(grid.lines(), grid.width(), bias, x, new Activation(y.value(), dy));
        });
    }

    private record Bound(int lines, int width, int bias, Activation input, Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            float[] b = step.slab.dense(bias).weights();
            Block x = input.value();
            Block y = output.value();
            for (int line = 0; line < step.rows * lines; line++) {
                int xAt = x.row(line);
                int yAt = y.row(line);
                for (int i = 0; i < width; i++) {
                    y.values[yAt + i] = x.values[xAt + i] + b[i];
                }
            }
        }

        @Override
        public void backward(Step step) {
            step.updateBias(bias, Workspace.padded(width), step.rows * lines, output.requireGradient(), step.tile(0));
        }
    }
}
