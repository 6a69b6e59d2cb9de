package io.tidegrad.engine.kernel;

/// The activations y = f(x) that work number by number, with a parameter, `factor`, for those that have one. Their
/// formulas are those of `ScalarMath` and `ScalarActivations`.
public enum ActivationFunction {
    /// max(x, 0); NaN stays NaN; the slope at 0 is 0.
    RELU,
    /// 1 / (1 + e^-x). Its value at 0 is not 0, so apply it to logical columns only, not to padding.
    SIGMOID, TANH,
    /// x > 0 ? x : factor x
    LEAKY_RELU,
    /// x > 0 ? x : factor (e^x - 1)
    ELU,
    /// x Φ(x), Φ the standard normal distribution.
    GELU,
    /// x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))) / 2
    GELU_TANH,
    /// x / (1 + e^-x)
    SILU,
    /// ln(1 + e^x)
    SOFTPLUS;

    float at(float factor, float x) {
        return switch (this) {
            case RELU -> Math.max(x, 0f);
            case SIGMOID -> ScalarMath.sigmoid(x);
            case TANH -> ScalarMath.tanh(x);
            case LEAKY_RELU -> ScalarActivations.leakyRelu(factor, x);
            case ELU -> ScalarActivations.elu(factor, x);
            case GELU -> ScalarActivations.gelu(x);
            case GELU_TANH -> ScalarActivations.geluTanh(x);
            case SILU -> ScalarActivations.silu(x);
            case SOFTPLUS -> ScalarMath.softplus(x);
        };
    }

    /// dx = dy f'(x), from x or, where that is simpler, from y.
    float gradient(float factor, float x, float y, float dy) {
        return switch (this) {
            case RELU -> y > 0f ? dy : 0f;
            case SIGMOID -> dy * y * (1f - y);
            case TANH -> dy * Math.fma(-y, y, 1f);
            case LEAKY_RELU -> dy * ScalarActivations.leakyReluSlope(factor, x);
            case ELU -> dy * ScalarActivations.eluSlope(factor, x);
            case GELU -> dy * ScalarActivations.geluSlope(x);
            case GELU_TANH -> dy * ScalarActivations.geluTanhSlope(x);
            case SILU -> dy * ScalarActivations.siluSlope(x);
            case SOFTPLUS -> dy * ScalarActivations.softplusSlope(x);
        };
    }
}
