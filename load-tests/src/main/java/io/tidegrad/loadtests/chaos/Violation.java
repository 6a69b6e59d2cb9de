package io.tidegrad.loadtests.chaos;

/// An invariant that did not hold.
///
/// @param invariant of docs/reliability.md: `I1`
/// @param what was expected and what was found
record Violation(String invariant, String what) {
    @Override
    public String toString() {
        return invariant + ": " + what;
    }
}
