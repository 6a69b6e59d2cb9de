package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ActivationFunction;

/// max(x, 0); dx = y > 0 ? dy : 0, so that the slope at 0 is 0.
public record Relu() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return ElementwiseActivation.plan(planner, this, input, ActivationFunction.RELU, 0);
    }
}
