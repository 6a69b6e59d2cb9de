package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.List;

/// How a gradient changes a weight: fills the `OptimizerStep` that kernels read. The formula stands with each kind in
/// `OptimizerKernels`.
///
/// In a table that only updates touched rows, the step number t is the model's, and a row's state and weights change
/// (decay included) only in steps that read the row.
public sealed interface Optimizer permits Sgd, Adagrad, RmsProp, Adam, AdamW, FtrlProximal, StreamRms {
    /// The names of a weight's state floats in the order of their parts. They are those of PyTorch's optimizer where it has
    /// one: `exp_avg` and `exp_avg_sq` are Adam's m and v. Allocates nothing.
    List<String> stateNames();

    /// The number of state floats per weight: 2 for Adam's m and v.
    default int stateParts() {
        return stateNames().size();
    }

    /// The initial value of state part `part` of a weight that starts at `weight`; parts count from 1.
    default float initialState(int part, float weight) {
        return 0;
    }

    /// The base rate, from which a `Schedule` computes the rate of each update.
    double rate();

    /// The same optimizer with another base rate.
    Optimizer withRate(double rate);

    /// Whether the optimizer requires one rate for all updates and layers.
    default boolean hasFixedRate() {
        return false;
    }

    /// Computes the scalars that depend on the number `t` of the update (the first is 1) but not on its rate. Allocates
    /// nothing.
    void prepare(long t, OptimizerStep step);

    /// The rate of update `t`, where the schedule gives `scheduled`.
    default double rateAt(long t, double scheduled) {
        return scheduled;
    }

    /// Sets the rate of this update and the scalars that depend on it. Called after `prepare`.
    default void setRate(double rate, OptimizerStep step) {
        step.rate = (float) rate;
    }
}
