package io.tidegrad.engine.kernel;

/// The activations y = f(x) and their slopes f'(x) for one number: the definition of the kernels of the same names. All
/// slopes are computed from x, because y has lost digits where the function is flat. Nothing overflows for a finite x,
/// so that 0 times a slope stays 0; for an infinite or NaN x, y is not finite.
///
/// Largest errors within ±9, in units in the last place, as `ScalarMathTest` measures them: elu 2.5, silu 2.5, gelu 7,
/// geluTanh 100 (at -8.3, where y is 1e-12: its tanh's argument is 25 there, and its rounding error is multiplied in
/// e^v). Slopes are within 5e-7.
final class ScalarActivations {
    /// 2 sqrt(2 / π): the argument of gelu's tanh, twice, is m (GELU_1 + GELU_3 m²).
    static final float GELU_1 = 1.5957691216f;

    /// 0.044715 · `GELU_1`.
    static final float GELU_3 = 0.0713548162726f;

    /// 1 / sqrt(2π)
    static final float NORMAL_DENSITY = 0.398942280401f;

    private ScalarActivations() {}

    static float leakyRelu(float slope, float x) {
        return x > 0f ? x : slope * x;
    }

    static float leakyReluSlope(float slope, float x) {
        return x > 0f ? 1f : slope;
    }

    static float elu(float alpha, float x) {
        return x > 0f ? x : alpha * ScalarMath.expm1(x);
    }

    static float eluSlope(float alpha, float x) {
        return x > 0f ? 1f : alpha * ScalarMath.exp(x);
    }

    /// x Φ(x)
    static float gelu(float x) {
        return x * ScalarMath.normalCdf(x);
    }

    /// Φ(x) + x φ(x)
    static float geluSlope(float x) {
        return Math.fma(x, NORMAL_DENSITY * ScalarMath.bell(x), ScalarMath.normalCdf(x));
    }

    /// x s(v) with v = 2 sqrt(2/π) (x + 0.044715 x³), which is x (1 + tanh(v / 2)) / 2 without its cancellation.
    static float geluTanh(float x) {
        float e = ScalarMath.exp(-geluArgument(x));
        float d = 1f / (1f + e);
        return x * (x < 0f ? e * d : d);
    }

    /// s(v) + x s(v) (1 - s(v)) v'
    static float geluTanhSlope(float x) {
        float m = geluMagnitude(x);
        float e = ScalarMath.exp(-geluArgument(x));
        float d = 1f / (1f + e);
        float s = x < 0f ? e * d : d;
        float dv = Math.fma(m * m, 3f * GELU_3, GELU_1);
        return Math.fma(x, e * d * d * dv, s);
    }

    /// |v|
    private static float geluArgument(float x) {
        float m = geluMagnitude(x);
        return m * Math.fma(m * m, GELU_3, GELU_1);
    }

    /// |x|, limited to a value for which e^-|v| is 0.
    private static float geluMagnitude(float x) {
        float magnitude = Math.abs(x);
        return magnitude > ScalarMath.NORMAL_MAX ? ScalarMath.NORMAL_MAX : magnitude;
    }

    /// x s(x)
    static float silu(float x) {
        return x / (1f + ScalarMath.exp(-x));
    }

    /// s(x) + x s(x) (1 - s(x)), both factors from e^-|x|, so that 1 - s keeps its digits.
    static float siluSlope(float x) {
        float e = ScalarMath.exp(-Math.abs(x));
        float d = 1f / (1f + e);
        float s = x < 0f ? e * d : d;
        return Math.fma(x, e * d * d, s);
    }

    /// s(x)
    static float softplusSlope(float x) {
        return ScalarMath.sigmoid(x);
    }
}
