package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;

/// How a gradient changes a weight: fills the `OptimizerStep` that kernels read. The formula stands with each kind in
/// `ScalarKernels`.
public sealed interface Optimizer permits Sgd, Adam {
    /// Floats of state a weight (Adam's m and v are 2 parts).
    int stateParts();

    /// Prepares update `t`, 1 for the first. Allocates nothing.
    void prepare(long t, OptimizerStep step);
}
