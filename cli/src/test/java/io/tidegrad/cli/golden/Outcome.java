package io.tidegrad.cli.golden;

/// What became of a case.
public sealed interface Outcome {
    /// Every entry of `expected` was compared and agrees.
    record Passed() implements Outcome {
    }

    /// @param difference what, got, want, where
    record Failed(String difference) implements Outcome {
    }

    /// @param reason what the engine can't express yet
    record Skipped(String reason) implements Outcome {
    }
}
