package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// A layer whose shapes are known and whose tensors are declared.
///
/// @param output the output's shape for one row
/// @param trainable whether this layer or one inside it has weights
/// @param binding makes the pass of one workspace
public record Planned(Shape.Grid output, boolean trainable, Binding binding) {

    /// Allocates what one thread needs for this layer.
    @FunctionalInterface
    public interface Binding {
        /// @param input the layer's input; its gradient is null if no layer below needs it
        /// @param into where the layer may write its output, without padding, so that a `Concat` need not copy it; null
        ///     if the layer must allocate its own
        Pass bind(Workspace workspace, Activation input, @Nullable Activation into);
    }

    /// The same layer with its output's columns along `columns`; copies the output if necessary.
    public Planned with(Shape.Columns columns) {
        Shape.Grid wanted = output.with(columns);
        return wanted.equals(output) ? this : then(Arrange.relayout(output, wanted));
    }

    /// The same layer with its output as one vector.
    public Planned flat() {
        Shape.Grid vector = Shape.Grid.vector(output.size());
        return vector.equals(output) ? this : then(Arrange.relayout(output, vector));
    }

    /// This layer followed by `next`, which reads its output.
    Planned then(Planned next) {
        return new Planned(next.output, trainable || next.trainable, (workspace, x, into) -> {
            Pass first = binding.bind(workspace, x, null);
            return new Chain(first, next.binding.bind(workspace, first.output(), into));
        });
    }

    private record Chain(Pass first, Pass second) implements Pass {
        @Override
        public Activation output() {
            return second.output();
        }

        @Override
        public void forward(Step step) {
            first.forward(step);
            second.forward(step);
        }

        @Override
        public void backward(Step step) {
            second.backward(step);
            first.backward(step);
        }
    }
}
