package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;

/// How a gradient changes a weight: fills the `OptimizerStep` that kernels read. The formula stands with each kind in
/// `ScalarKernels`.
public sealed interface Optimizer permits Sgd, Adam {
    /// Floats of state a weight: 0, 1 or 2.
    int moments();

    /// Prepares update `t`, 1 for the first. Allocates nothing.
    void prepare(long t, OptimizerStep step);
}
