package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// A layer whose shapes are known and whose tensors are declared.
///
/// @param output what comes out for one row
/// @param trainable whether this layer or one inside it has weights
/// @param binding makes the pass of one workspace
public record Planned(Shape.Grid output, boolean trainable, Binding binding) {

    /// Allocates what a thread needs for this layer.
    @FunctionalInterface
    public interface Binding {
        /// @param input what the layer reads. Its gradient is null where nobody below needs it
        /// @param into where the layer may write its output if it likes (it needs no padding there), so that a `Concat`
        ///     copies nothing; null where it allocates its own
        Pass bind(Workspace workspace, Activation input, @Nullable Activation into);
    }

    /// The same with its columns along `columns`, copied if they lie otherwise.
    public Planned with(Shape.Columns columns) {
        Shape.Grid wanted = output.with(columns);
        return wanted.equals(output) ? this : then(Arrange.relayout(output, wanted));
    }

    /// The same as one vector.
    public Planned flat() {
        Shape.Grid vector = Shape.Grid.vector(output.size());
        return vector.equals(output) ? this : then(Arrange.relayout(output, vector));
    }

    /// `next` reads what this puts out.
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
