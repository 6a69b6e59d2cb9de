package io.tidegrad.engine.model;

import io.tidegrad.engine.kernel.Kernels;

/// Forward, loss, backward, update: the only writer of `Parameters`. Allocates nothing after construction.
public final class Learner {
    public Learner(Parameters parameters, Kernels kernels, int maxBatch) {
        throw new UnsupportedOperationException();
    }

    /// One step on the batch: the mean gradient, one update. Returns the mean loss *before* the update. When a row's loss
    /// is not finite nothing at all is changed and NaN is returned; `rowLosses` tells which.
    public double learn(Batch batch) {
        throw new UnsupportedOperationException();
    }

    /// Probabilities (or values) that the last `learn` predicted before it updated: shape (batch.size, outputs), tight,
    /// valid until the next call.
    public float[] predictions() {
        throw new UnsupportedOperationException();
    }

    /// Per row loss of the last `learn`.
    public float[] rowLosses() {
        throw new UnsupportedOperationException();
    }

    /// Runs the kernels on scratch data of this plan's shapes until their speed is stable, changing nothing of the model.
    /// Returns CPU nanoseconds spent (the current thread's).
    public long warmUp(long budgetNanos) {
        throw new UnsupportedOperationException();
    }
}
