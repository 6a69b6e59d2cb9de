package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;

/// x Φ(x), with Φ the standard normal distribution function; dx = dy (Φ(x) + x φ(x)). Hendrycks & Gimpel 2016.
public record Gelu(Form form) implements Layer {
    /// How Φ is computed.
    public enum Form {
        /// Φ(x) = (1 + erf(x / sqrt 2)) / 2
        ERF,
        /// The paper's approximation Φ(x) ≈ (1 + tanh(sqrt(2/π) (x + 0.044715 x³))) / 2; the gradient is that of the
        /// approximation.
        TANH
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return switch (form) {
            case ERF -> ElementwiseActivation.plan(planner, this, input, Kernels::gelu, (kernels, length, x, xAt, y,
                    yAt, dy, dyAt, dx, dxAt) -> kernels.geluGradient(length, x, xAt, dy, dyAt, dx, dxAt));
            case TANH -> ElementwiseActivation.plan(planner, this, input, Kernels::geluTanh, (kernels, length, x, xAt,
                    y, yAt, dy, dyAt, dx, dxAt) -> kernels.geluTanhGradient(length, x, xAt, dy, dyAt, dx, dxAt));
        };
    }
}
