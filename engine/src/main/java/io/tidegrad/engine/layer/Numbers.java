package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// Reads `count` floats of the row, starting with float number `from`.
public record Numbers(int from, int count) implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Row row = planner.row(this, input);
        if (from < 0 || count < 1 || (long) from + count > row.numbers()) {
            throw planner.mismatch(this, "at least one number, all within the row's " + row.numbers(),
                    "numbers " + from + " to " + ((long) from + count - 1));
        }
        return new Planned(Shape.Grid.vector(count), false, (workspace, x, into) -> into == null
                ? new View(from, count, view(workspace, row)) : new Copy(from, count, into));
    }

    private Activation view(Workspace workspace, Shape.Row row) {
        @Nullable
        Block gradient = workspace.reportsInputGradients() ? workspace.block(count) : null;
        return new Activation(new Block(new float[0], from, row.numbers()), gradient);
    }

    /// The output is the batch's array itself: nothing is copied.
    private record View(int from, int count, Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            Block y = output.value();
            y.values = step.numbers;
        }

        @Override
        public void backward(Step step) {
            addGradient(step, from, count, output.gradient());
        }
    }

    private record Copy(int from, int count, Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            Block y = output.value();
            for (int row = 0; row < step.rows; row++) {
                System.arraycopy(step.numbers, row * step.numbersPerRow + from, y.values, y.row(row), count);
            }
        }

        @Override
        public void backward(Step step) {
            addGradient(step, from, count, output.gradient());
        }
    }

    /// Adds instead of writing, because two layers may read the same number.
    private static void addGradient(Step step, int from, int count, @Nullable Block dy) {
        float[] gradient = step.numbersGradient;
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
