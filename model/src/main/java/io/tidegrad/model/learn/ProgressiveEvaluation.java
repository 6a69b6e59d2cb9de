package io.tidegrad.model.learn;

/// Progressive validation (test, then learn): every row is scored before it is learned; log loss, accuracy and AUC beside
/// the running prior. Part of the state (a restart continues it), never of a hash.
public final class ProgressiveEvaluation {
    /// Rows scored.
    public long rows() {
        throw new UnsupportedOperationException();
    }

    public double logLoss() {
        throw new UnsupportedOperationException();
    }

    /// Log loss of predicting the running class frequencies (Laplace-smoothed) of the rows before.
    public double priorLogLoss() {
        throw new UnsupportedOperationException();
    }

    public double accuracy() {
        throw new UnsupportedOperationException();
    }

    /// Over the newest 2,000 rows.
    public double accuracyLast2000() {
        throw new UnsupportedOperationException();
    }

    /// By a fixed histogram; NaN unless binary.
    public double auc() {
        throw new UnsupportedOperationException();
    }
}
