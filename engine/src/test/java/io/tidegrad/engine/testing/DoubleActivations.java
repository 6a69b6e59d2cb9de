package io.tidegrad.engine.testing;

/// The activations again, in doubles, straight from the formulas.
public final class DoubleActivations {
    private DoubleActivations() {}

    public static double leakyRelu(double slope, double x) {
        return x > 0 ? x : slope * x;
    }

    public static double elu(double alpha, double x) {
        return x > 0 ? x : alpha * StrictMath.expm1(x);
    }

    public static double gelu(double x) {
        return x * normalCdf(x);
    }

    public static double geluTanh(double x) {
        double v = 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
        return x / (1 + StrictMath.exp(-v));
    }

    public static double silu(double x) {
        return x / (1 + StrictMath.exp(-x));
    }

    public static double softplus(double x) {
        return Math.max(x, 0) + StrictMath.log1p(StrictMath.exp(-Math.abs(x)));
    }

    /// 1/2 + φ(x) (x + x³/3 + x⁵/15 + …) near 0, whose terms have one sign; for the tail, where that would cancel, the
    /// continued fraction φ(x) / (x + 1 / (x + 2 / (x + 3 / …))). Abramowitz & Stegun 26.2.11 and 26.2.14.
    public static double normalCdf(double x) {
        double density = StrictMath.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
        if (x > -3) {
            double term = x;
            double sum = 0;
            for (int n = 3; Math.abs(term) > 1e-18 * Math.abs(sum) && n < 2_000; n += 2) {
                sum += term;
                term *= x * x / n;
            }
            return x > 30 ? 1 : 0.5 + density * sum;
        }
        double fraction = -x;
        for (int n = 200; n >= 1; n--) {
            fraction = -x + n / fraction;
        }
        return density / fraction;
    }
}
