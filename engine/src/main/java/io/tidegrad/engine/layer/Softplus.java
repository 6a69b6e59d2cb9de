package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ActivationFunction;

/// ln(1 + e^x), a smooth relu; dx = dy / (1 + e^-x). Dugas et al. 2001.
public record Softplus() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return ElementwiseActivation.plan(planner, this, input, ActivationFunction.SOFTPLUS, 0);
    }
}
