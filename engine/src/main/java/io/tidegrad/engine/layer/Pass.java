package io.tidegrad.engine.layer;

/// One layer bound to one workspace: the arithmetic. Allocates nothing.
public interface Pass {
    Activation output();

    /// Reads the input, the slab and (first layers) the step's rows; writes the output. Changes nothing else.
    void forward(Step step);

    /// Reads the output's gradient; writes the input's, where that is not null; applies the optimizer to the layer's
    /// own weights. Layers run in reverse order, each once a step, after all have run forward.
    void backward(Step step);
}
