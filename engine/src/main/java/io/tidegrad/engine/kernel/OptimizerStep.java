package io.tidegrad.engine.kernel;

/// The scalars of one optimizer step, computed once per step by the `Optimizer` and read by every kernel: mutable and
/// reused, so that a step allocates nothing. One per learning thread. The formula of each kind stands in
/// `ScalarKernels`.
public final class OptimizerStep {
    /// Floats that the vector kernels hold at a time: gradients between computing and applying them (6 inputs of a panel
    /// of 64, or 32 of 16), or the virtual lanes of 32 dot products.
    static final int TILE = 512;

    public enum Kind {
        /// No state. w -= rate g.
        SGD,
        /// State: m, v. Kingma & Ba 2015, algorithm 1.
        ADAM
    }

    public Kind kind = Kind.SGD;
    public float rate;
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

    /// 2 KB that never leave the first-level cache. Here because the kernels have no state.
    final float[] tile = new float[TILE];
}
