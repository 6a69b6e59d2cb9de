package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ActivationFunction;

/// x s(x) with s(x) = 1 / (1 + e^-x); dx = dy (s + x s (1 - s)). Hendrycks & Gimpel 2016; as swish, Ramachandran, Zoph
/// & Le 2017.
public record Silu() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return ElementwiseActivation.plan(planner, this, input, ActivationFunction.SILU, 0);
    }
}
