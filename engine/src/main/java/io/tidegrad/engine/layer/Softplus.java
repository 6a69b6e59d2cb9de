package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;

/// ln(1 + e^x), a smooth relu; dx = dy / (1 + e^-x). Dugas et al. 2001.
public record Softplus() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return ElementwiseActivation.plan(planner, this, input, Kernels::softplus, (kernels, length, x, xAt, y, yAt, dy,
                dyAt, dx, dxAt) -> kernels.softplusGradient(length, x, xAt, dy, dyAt, dx, dxAt));
    }
}
