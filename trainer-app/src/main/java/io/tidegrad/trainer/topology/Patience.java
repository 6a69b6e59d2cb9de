package io.tidegrad.trainer.topology;

import io.tidegrad.trainer.store.TrainerClock;
import java.time.Duration;

/// How long one event may wait for its schema: half the transaction timeout, so that its transaction survives. The
/// processor starts it, and the registry's client asks before each question how much is left. For the stream thread.
public final class Patience {
    private final Duration whole;
    private final TrainerClock clock;
    private long deadline;

    public Patience(Duration whole) {
        this(whole, TrainerClock.SYSTEM);
    }

    public Patience(Duration whole, TrainerClock clock) {
        this.whole = whole;
        this.clock = clock;
        start();
    }

    void start() {
        deadline = clock.nanos() + whole.toNanos();
    }

    Duration whole() {
        return whole;
    }

    /// Returns how much is left, or zero.
    public Duration left() {
        return Duration.ofNanos(Math.max(0, deadline - clock.nanos()));
    }
}
