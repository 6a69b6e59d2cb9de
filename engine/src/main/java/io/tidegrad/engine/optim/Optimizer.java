package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;

/// How a gradient changes a weight: fills the `OptimizerStep` that kernels read. The formula stands with each kind in
/// `ScalarKernels`.
public sealed interface Optimizer permits Sgd, Adagrad, Adam {
    /// Floats of state a weight (Adam's m and v are 2 parts).
    int stateParts();

    /// What each weight's part `part` of the state is before the first update; parts count from 1.
    default float initialState(int part) {
        return 0;
    }

    /// Prepares update `t`, 1 for the first. Allocates nothing.
    void prepare(long t, OptimizerStep step);
}
