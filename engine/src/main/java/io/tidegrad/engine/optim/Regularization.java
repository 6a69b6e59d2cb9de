package io.tidegrad.engine.optim;

/// The penalty l1 Σ|w| + l2/2 Σ w² on large weights, whose gradient l1 sign(w) + l2 w is added to that of the loss
/// after clipping. It is reported separately from the loss. If both are above 0, it is an elastic net. In a table that
/// only updates touched rows, it applies to the rows that a step reads.
public record Regularization(double l1, double l2, Scope scope) {
    public static final Regularization NONE = new Regularization(0, 0, Scope.ALL);

    public enum Scope {
        ALL,
        /// All weights except biases, which only shift an output and don't overfit.
        WEIGHTS
    }

    public Regularization {
        Require.atLeastZero("regularization", "l1", l1);
        Require.atLeastZero("regularization", "l2", l2);
    }
}
