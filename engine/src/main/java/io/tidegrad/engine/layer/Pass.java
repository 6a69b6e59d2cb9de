package io.tidegrad.engine.layer;

/// The arithmetic of one layer, bound to one workspace. Allocates nothing.
public interface Pass {
    Activation output();

    /// Reads the input, the slab and, in first layers, the step's rows. Writes only the output.
    void forward(Step step);

    /// Reads the output's gradient, writes the input's unless that is null, and applies the optimizer to the layer's
    /// own weights. Layers run backward in reverse order, once per step, after all have run forward.
    void backward(Step step);

    /// Changes what the layer remembers of the step's rows, for a pass that asked for it (`Workspace.remember`). Called once
    /// a step in learning, after all weights have changed; never by a step that is refused.
    default void remember(Step step) {}

    /// The sum of the magnitudes that the layer's weights are multiplied with, over the rows of the step; of a table 1 for
    /// each look-up. Called between forward and backward. 0 for a layer that does not count them.
    default double inputMagnitude(Step step) {
        return 0;
    }
}
