package io.tidegrad.scorer;

import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;

/// A clock that a test sets.
final class ManualClock implements InstantSource {
    private final AtomicLong millis = new AtomicLong();

    ManualClock(long millis) {
        this.millis.set(millis);
    }

    void set(long to) {
        millis.set(to);
    }

    @Override
    public Instant instant() {
        return Instant.ofEpochMilli(millis());
    }

    @Override
    public long millis() {
        return millis.get();
    }
}
