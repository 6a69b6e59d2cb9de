package io.tidegrad.engine.optim;

/// The penalty l1 Σ|w| + l2/2 Σ w² on large weights, whose gradient l1 sign(w) + l2 w is added to that of the loss
/// (after clipping); reported apart from the loss. Both above 0: elastic net. Of a touched table only the rows that a
/// step reads are pulled.
public record Regularization(double l1, double l2, Scope scope) {
    public static final Regularization NONE = new Regularization(0, 0, Scope.ALL);

    public enum Scope {
        ALL,
        /// No biases: they shift an output and can't overfit.
        WEIGHTS
    }

    public Regularization {
        Require.atLeastZero("regularization", "l1", l1);
        Require.atLeastZero("regularization", "l2", l2);
    }
}
