package io.tidegrad.loadtests;

import java.util.Locale;

/// What is measured: the whole, and the two parts that it can't be faster than.
enum Subject {
    /// `tidegrad trainer`: from the topic to committed weights.
    TRAINER,
    /// A bare consumer that decodes the topic, read_committed, and drops the events.
    CONSUMER,
    /// The engine alone, on the same rows in memory.
    ENGINE;

    /// As in output: `trainer`.
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
