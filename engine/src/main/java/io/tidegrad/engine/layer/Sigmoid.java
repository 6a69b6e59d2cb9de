package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ActivationFunction;

/// 1 / (1 + e^-x); dx = dy y (1 - y). As the last layer before a binary cross-entropy it is fused with the loss and
/// never runs.
public record Sigmoid() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return ElementwiseActivation.plan(planner, this, input, ActivationFunction.SIGMOID, 0);
    }
}
