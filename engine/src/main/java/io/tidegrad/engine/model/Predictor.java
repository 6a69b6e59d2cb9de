package io.tidegrad.engine.model;

import io.tidegrad.engine.kernel.Kernels;

/// Forward only, with its own workspace: one per thread; the parameters may be shared by many. Allocates nothing after
/// construction. Same bits as `Learner.predictions` for the same weights.
public final class Predictor {
    public Predictor(Plan plan, Kernels kernels, int maxBatch) {
        throw new UnsupportedOperationException();
    }

    /// Writes probabilities (or values), shape (batch.size, outputs), tight, to `out`.
    public void predict(Parameters parameters, Batch batch, float[] out) {
        throw new UnsupportedOperationException();
    }
}
