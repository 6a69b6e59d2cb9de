package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ActivationFunction;

/// x > 0 ? x : slope x; dx = x > 0 ? dy : slope dy. Maas, Hannun & Ng 2013, who use 0.01.
public record LeakyRelu(double slope) implements Layer {
    public LeakyRelu {
        if (!Double.isFinite(slope)) {
            throw new IllegalArgumentException("leaky relu: expected a finite slope, found " + slope);
        }
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return ElementwiseActivation.plan(planner, this, input, ActivationFunction.LEAKY_RELU, slope);
    }
}
