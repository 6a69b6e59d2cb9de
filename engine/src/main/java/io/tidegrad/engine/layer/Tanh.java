package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ActivationFunction;

/// tanh x; dx = dy (1 - y²).
public record Tanh() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return ElementwiseActivation.plan(planner, this, input, ActivationFunction.TANH, 0);
    }
}
