package io.tidegrad.engine.layer;

/// Reads `count` floats of the row, starting with float number `from`.
public record Numbers(int from, int count) implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Row row = planner.row(this, input);
        if (from < 0 || count < 1 || (long) from + count > row.numbers()) {
            throw planner.mismatch(this, "at least one number, all within the row's " + row.numbers(),
                    "numbers " + from + " to " + ((long) from + count - 1));
        }
        return new Planned(Shape.Grid.vector(count), false, (workspace, x, into) -> new Bound(from, count, into != null,
                into != null ? into : view(workspace, row)));
    }

    /// The batch's array itself: nothing is copied.
    private Activation view(Workspace workspace, Shape.Row row) {
        return new Activation(new Block(new float[0], from, row.numbers()),
                workspace.reportsInputGradients() ? workspace.block(count) : null);
    }

    private record Bound(int from, int count, boolean copies, Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            Block y = output.value();
            if (!copies) {
                y.values = step.numbers;
                return;
            }
            for (int row = 0; row < step.rows; row++) {
                System.arraycopy(step.numbers, row * step.numbersPerRow + from, y.values, y.row(row), count);
            }
        }

        /// Adds instead of writing, because two layers may read the same number.
        @Override
        public void backward(Step step) {
            float[] gradient = step.numbersGradient;
            Block dy = output.gradient();
            if (gradient.length > 0 && dy != null) {
                for (int row = 0; row < step.rows; row++) {
                    int at = row * step.numbersPerRow + from;
                    for (int i = 0; i < count; i++) {
                        gradient[at + i] += dy.values[dy.row(row) + i];
                    }
                }
            }
        }
    }
}
