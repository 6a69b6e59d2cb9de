package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// A layer whose shapes are known and whose tensors are declared.
///
/// @param output what comes out for one row
/// @param trainable whether this layer or one inside it has weights
/// @param binding makes the pass of one workspace
public record Planned(Shape output, boolean trainable, Binding binding) {

    /// Allocates what a thread needs for this layer.
    @FunctionalInterface
    public interface Binding {
        /// @param input what the layer reads. Its gradient is null where nobody below needs it
        /// @param into where the layer may write its output if it likes (it needs no padding there), so that a `Concat`
        ///     copies nothing; null where it allocates its own
        Pass bind(Workspace workspace, Activation input, @Nullable Activation into);
    }

    /// Width of the output vector.
    public int width() {
        return switch (output) {
            case Shape.Vector(int width) -> width;
            case Shape.Row row -> throw new IllegalStateException("no layer puts out " + row);
        };
    }
}
