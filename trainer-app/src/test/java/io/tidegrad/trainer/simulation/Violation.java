package io.tidegrad.trainer.simulation;

/// An oracle's report: which invariant of docs/reliability.md does not hold, what was expected and what was found.
final class Violation extends AssertionError {
    private final String invariant;

    Violation(String invariant, String message) {
        super(invariant + ": " + message);
        this.invariant = invariant;
    }

    /// As `I1`.
    String invariant() {
        return invariant;
    }

    static void check(boolean holds, String invariant, String message) {
        if (!holds) {
            throw new Violation(invariant, message);
        }
    }
}
