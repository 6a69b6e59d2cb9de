package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ActivationFunction;

/// x > 0 ? x : alpha (e^x - 1); dx = x > 0 ? dy : dy alpha e^x. Clevert, Unterthiner & Hochreiter 2015, who use alpha =
/// 1.
public record Elu(double alpha) implements Layer {
    public Elu {
        if (!Double.isFinite(alpha)) {
            throw new IllegalArgumentException("elu: expected a finite alpha, found " + alpha);
        }
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return ElementwiseActivation.plan(planner, this, input, ActivationFunction.ELU, alpha);
    }
}
