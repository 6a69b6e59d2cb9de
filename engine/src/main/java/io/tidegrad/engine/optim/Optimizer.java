package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;

/// How a gradient changes a weight: fills the `OptimizerStep` that kernels read. The formula stands with each kind in
/// `ScalarOptimizerKernels`.
///
/// On a touched table the step number t is the model's, and a row's state and weights move (decay too) only in steps
/// that read the row.
public sealed interface Optimizer permits Sgd, Adagrad, RmsProp, Adam, AdamW, FtrlProximal {
    /// Floats of state a weight (Adam's m and v are 2 parts).
    int stateParts();

    /// What part `part` of a weight's state is before the first update, which starts from `weight`; parts count from 1.
    default float initialState(int part, float weight) {
        return 0;
    }

    /// The base rate, of which a `Schedule` makes the rate of each update.
    double rate();

    /// The same at another base rate.
    Optimizer withRate(double rate);

    /// Whether the rate is one for all updates and layers.
    default boolean hasFixedRate() {
        return false;
    }

    /// Prepares all that depends on the number `t` of the update, 1 for the first, and not on its rate. Allocates
    /// nothing.
    void prepare(long t, OptimizerStep step);

    /// Sets the rate of this update, after `prepare`, and what depends on it.
    default void setRate(double rate, OptimizerStep step) {
        step.rate = (float) rate;
    }
}
