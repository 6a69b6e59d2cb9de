package io.tidegrad.ops.http;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/// Counts what could fill a log, and says once a minute that it is time to tell of it.
public final class Seldom {
    private static final long EVERY_NANOS = Duration.ofMinutes(1).toNanos();

    private final AtomicLong times = new AtomicLong();
    private final AtomicLong next = new AtomicLong(System.nanoTime());

    /// It happened once more.
    ///
    /// @return how often since it was last told of; 0 when it should not be told now
    public long times() {
        long count = times.incrementAndGet();
        long due = next.get();
        long now = System.nanoTime();
        if (now - due < 0 || !next.compareAndSet(due, now + EVERY_NANOS)) {
            return 0;
        }
        times.addAndGet(-count);
        return count;
    }
}
