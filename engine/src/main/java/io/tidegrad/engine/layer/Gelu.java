package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ActivationFunction;

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
        ActivationFunction function = form == Form.ERF ? ActivationFunction.GELU : ActivationFunction.GELU_TANH;
        return ElementwiseActivation.plan(planner, this, input, function, 0);
    }
}
