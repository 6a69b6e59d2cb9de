package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;

/// tanh x; dx = dy (1 - y²).
public record Tanh() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return ElementwiseActivation.plan(planner, this, input, Kernels::tanh, (kernels, length, x, xAt, y, yAt, dy,
                dyAt, dx, dxAt) -> kernels.tanhGradient(length, y, yAt, dy, dyAt, dx, dxAt));
    }
}
