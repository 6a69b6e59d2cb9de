package io.tidegrad.engine.kernel;

/// The scalars of one optimizer step, computed once per step by the `Optimizer` and read by every kernel: mutable and
/// reused, so that a step allocates nothing; kernels only read it. The formula of each kind stands in `ScalarKernels`.
public final class OptimizerStep {
    /// With g the gradient, of the loss plus the penalty; state parts in this order.
    public enum Kind {
        /// No state. w = g: not an optimizer, but what leaves a gradient where weights would lie.
        GRADIENT,
        /// No state. w -= rate g.
        SGD,
        /// State: b. b = momentum b + g; w -= rate b.
        MOMENTUM,
        /// State: b. b = momentum b + g; w -= rate (g + momentum b).
        NESTEROV,
        /// State: s. s += g²; w -= rate g / (sqrt(s) + epsilon). Duchi, Hazan & Singer 2011, diagonal.
        ADAGRAD,
        /// State: m, v. Kingma & Ba 2015, algorithm 1.
        ADAM
    }

    public Kind kind = Kind.SGD;
    public float rate;
    public float momentum;
    public float beta1;

    /// 1 - beta1, subtracted in double by the optimizer: 1f - 0.999f is off by 5e-5 of itself.
    public float oneMinusBeta1;

    public float beta2;

    /// 1 - beta2, subtracted in double by the optimizer.
    public float oneMinusBeta2;

    public float epsilon;

    /// 1 / (1 - beta1^t)
    public float momentCorrection;

    /// 1 / (1 - beta2^t)
    public float varianceCorrection;

    /// The gradient of the penalty l1 Σ|w| + l2/2 Σ w² is added to that of the loss: g += l2 w + l1 sign(w), sign(0) = 0.
    public float l1;

    public float l2;

    boolean regularizes() {
        return l1 != 0 || l2 != 0;
    }
}
