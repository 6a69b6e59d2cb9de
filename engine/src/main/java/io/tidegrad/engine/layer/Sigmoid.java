package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;

/// 1 / (1 + e^-x); dx = dy y (1 - y). As the last layer before a binary cross-entropy it is fused with the loss and
/// never runs.
public record Sigmoid() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return ElementwiseActivation.plan(planner, this, input, Kernels::sigmoid, (kernels, length, x, xAt, y, yAt, dy,
                dyAt, dx, dxAt) -> kernels.sigmoidGradient(length, y, yAt, dy, dyAt, dx, dxAt));
    }
}
