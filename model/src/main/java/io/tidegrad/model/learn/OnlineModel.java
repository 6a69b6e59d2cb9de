package io.tidegrad.model.learn;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import org.jspecify.annotations.Nullable;

/// A model that learns row by row: engine state, the rows of the unfinished batch, stream time and progressive
/// evaluation. A pure function of (spec, rows and ticks in order); no clock, no thread. Trainer, replay and tests fold
/// events through this same class.
public final class OnlineModel {
    /// Fresh from the spec's seed; everything dirty.
    public static OnlineModel initial(ModelSpec spec, Kernels kernels) {
        throw new UnsupportedOperationException();
    }

    /// Empty, to be filled by `Parameters.writePage`, `Parameters.setCounts` and `restoreCarry`.
    public static OnlineModel blank(ModelSpec spec, Kernels kernels) {
        throw new UnsupportedOperationException();
    }

    public ModelSpec spec() {
        throw new UnsupportedOperationException();
    }

    public Parameters parameters() {
        throw new UnsupportedOperationException();
    }

    /// Copies the row into the open batch, learns when the batch is full (or a window edge is crossed). Null when
    /// accepted; else why not, and nothing has changed (future time; non-finite loss at mini-batch size 1).
    ///
    /// @throws ModelDivergedException the loss of an accepted row is not finite in a larger batch
    public @Nullable Rejection accept(Row row) {
        throw new UnsupportedOperationException();
    }

    /// A tick of the log: learns the open batch, if there is one.
    public void tick() {
        throw new UnsupportedOperationException();
    }

    /// Rows accepted but not yet learned.
    public int pending() {
        throw new UnsupportedOperationException();
    }

    public ProgressiveEvaluation evaluation() {
        throw new UnsupportedOperationException();
    }

    /// Everything of the state that is not in pages: pending rows, stream time, evaluation. Own little-endian format with
    /// a format number.
    public byte[] carry() {
        throw new UnsupportedOperationException();
    }

    public void restoreCarry(byte[] carry) {
        throw new UnsupportedOperationException();
    }

    /// 64 hex digits; see `ModelHash`.
    public String weightsHash() {
        throw new UnsupportedOperationException();
    }

    public String stateHash() {
        throw new UnsupportedOperationException();
    }
}
