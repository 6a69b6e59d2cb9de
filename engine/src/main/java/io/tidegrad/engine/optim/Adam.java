package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;

/// Kingma & Ba 2015, algorithm 1: m and v as running means of g and g², w -= rate m̂ / (sqrt(v̂) + epsilon), where
/// m̂ = m / (1 - beta1^t) and v̂ = v / (1 - beta2^t) undo their start at 0. State per weight: m, v.
public record Adam(float rate, float beta1, float beta2, float epsilon) implements Optimizer {
    public Adam {
        require(rate >= 0 && rate < Float.POSITIVE_INFINITY, "a rate of at least 0", rate);
        require(beta1 >= 0 && beta1 < 1, "beta1 in [0, 1)", beta1);
        require(beta2 >= 0 && beta2 < 1, "beta2 in [0, 1)", beta2);
        require(epsilon >= 0 && epsilon < Float.POSITIVE_INFINITY, "an epsilon of at least 0", epsilon);
    }

    /// With the paper's beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8.
    public static Adam of(float rate) {
        return new Adam(rate, 0.9f, 0.999f, 1e-8f);
    }

    @Override
    public int moments() {
        return 2;
    }

    @Override
    public void prepare(long t, OptimizerStep step) {
        step.kind = OptimizerStep.Kind.ADAM;
        step.rate = rate;
        step.beta1 = beta1;
        step.beta2 = beta2;
        step.epsilon = epsilon;
        step.momentCorrection = (float) (1 / (1 - power(beta1, t)));
        step.varianceCorrection = (float) (1 / (1 - power(beta2, t)));
    }

    /// base^exponent by squaring: the same bits everywhere, which `Math.pow` doesn't promise.
    static double power(double base, long exponent) {
        double result = 1;
        double square = base;
        for (long rest = exponent; rest > 0; rest >>= 1) {
            if ((rest & 1) != 0) {
                result *= square;
            }
            square *= square;
        }
        return result;
    }

    private static void require(boolean holds, String expected, float found) {
        if (!holds) {
            throw new IllegalArgumentException("adam: expected " + expected + ", found " + found);
        }
    }
}
