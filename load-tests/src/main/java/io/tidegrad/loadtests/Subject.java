package io.tidegrad.loadtests;

/// What is measured: the whole, the two parts that it can't be faster than, and the whole without a commit.
enum Subject {
    /// `tidegrad trainer`: from the topic to committed weights.
    TRAINER,
    /// A bare consumer that decodes the topic, read_committed, and drops the events.
    CONSUMER,
    /// The engine alone, on the same rows in memory.
    ENGINE,
    /// `tidegrad replay`: from the topic to weights in memory.
    REPLAY
}
