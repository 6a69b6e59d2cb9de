package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;

/// max(x, 0); dx = y > 0 ? dy : 0, so that the slope at 0 is 0.
public record Relu() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return ElementwiseActivation.plan(planner, this, input, Kernels::relu, (kernels, length, x, xAt, y, yAt, dy,
                dyAt, dx, dxAt) -> kernels.reluGradient(length, y, yAt, dy, dyAt, dx, dxAt));
    }
}
