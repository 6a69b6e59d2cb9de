package io.tidegrad.engine.kernel;

/// The scalars of one optimizer step, computed once per step by the `Optimizer`. It is mutable and reused, so that a
/// step allocates nothing; kernels only read it. `OptimizerKernels` has the formula of each kind.
public final class OptimizerStep {
    /// g is the gradient of the loss plus the penalty. State parts are listed in order.
    public enum Kind {
        /// No state. w = g: stores the gradient in a gradient slab instead of updating a weight.
        GRADIENT,
        /// No state. w -= rate g.
        SGD,
        /// State: b. b = momentum b + g; w -= rate b.
        MOMENTUM,
        /// State: b. b = momentum b + g; w -= rate (g + momentum b).
        NESTEROV,
        /// State: s. s += g²; w -= rate g / (sqrt(s) + epsilon). Duchi, Hazan & Singer 2011, diagonal.
        ADAGRAD,
        /// State: s. s = beta2 s + (1 - beta2) g²; u = g / (sqrt(s) + epsilon); w -= rate u.
        RMSPROP,
        /// State: s, b. s and u as above; b = momentum b + u; w -= rate b.
        RMSPROP_MOMENTUM,
        /// State: s, a. s as above; a = beta2 a + (1 - beta2) g; u = g / (sqrt(max(s - a², 0)) + epsilon); w -= rate u.
        RMSPROP_CENTERED,
        /// State: s, a, b. u as in the centered one; b = momentum b + u; w -= rate b.
        RMSPROP_CENTERED_MOMENTUM,
        /// State: m, v. Kingma & Ba 2015, algorithm 1.
        ADAM,
        /// State: m, v, x. Like ADAM with x = max(x, v) instead of v.
        AMSGRAD,
        /// State: m, v. w *= keep, then ADAM.
        ADAMW,
        /// State: m, v, x. w *= keep, then AMSGRAD.
        ADAMW_AMSGRAD,
        /// State: z, n. McMahan et al. 2013, algorithm 1: see `FtrlProximal`.
        FTRL,
        /// State: v, d. v as in ADAM; move = rate g / (sqrt(v̂) + epsilon) + pull d; w -= move; d -= move: see `StreamRms`.
        STREAM_RMS,
        /// No state. Neither weights nor state change; the penalty doesn't apply.
        FROZEN
    }

    public Kind kind = Kind.SGD;
    public float rate;
    public float momentum;
    public float beta1;

    /// 1 - beta1, subtracted in double by the optimizer, because 1f - 0.999f has a relative error of 5e-5.
    public float oneMinusBeta1;

    /// beta2 of Adam, alpha of RMSprop.
    public float beta2;

    /// 1 - beta2, subtracted in double by the optimizer.
    public float oneMinusBeta2;

    public float epsilon;

    /// 1 / (1 - beta1^t)
    public float momentCorrection;

    /// 1 / (1 - beta2^t)
    public float varianceCorrection;

    /// AdamW's 1 - rate · weight decay.
    public float keep;

    /// Stream RMS's rate · pull.
    public float pull;

    /// FTRL's 1 / alpha.
    public float inverseAlpha;

    /// FTRL's.
    public float beta;

    /// FTRL's l1: if |z| is at most this, the weight is 0.
    public float threshold;

    /// FTRL's l2.
    public float ridge;

    /// The gradient of the penalty l1 Σ|w| + l2/2 Σ w² is added to that of the loss: g += l2 w + l1 sign(w), sign(0) =
    /// 0.
    public float l1;

    public float l2;

    public static OptimizerStep of(Kind kind) {
        OptimizerStep step = new OptimizerStep();
        step.kind = kind;
        return step;
    }

    public boolean isFrozen() {
        return kind == Kind.FROZEN;
    }

    boolean regularizes() {
        return l1 != 0 || l2 != 0;
    }
}
