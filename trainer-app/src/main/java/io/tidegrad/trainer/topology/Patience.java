package io.tidegrad.trainer.topology;

import java.time.Duration;

/// How long one event may wait for its schema: half the transaction timeout, so that the transaction it sits in survives.
/// The processor starts it, the registry's client asks what is left before each question; both on the stream thread.
public final class Patience {
    private final Duration whole;
    private long deadline;

    public Patience(Duration whole) {
        this.whole = whole;
        start();
    }

    void start() {
        deadline = System.nanoTime() + whole.toNanos();
    }

    Duration whole() {
        return whole;
    }

    /// Zero when it has run out.
    public Duration left() {
        return Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
    }
}
