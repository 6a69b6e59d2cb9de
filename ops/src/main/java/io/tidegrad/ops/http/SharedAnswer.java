package io.tidegrad.ops.http;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// An answer that is the same for everybody, such as the page of metrics. It is made by one thread at a time, and
/// whoever asked before a making began takes what that made: many who ask at once cost one making, and nobody gets an
/// answer that is older than the question. But a client that asks ahead, without waiting for its answers, gets what was
/// made within the last second, and pauses between its answers: it would otherwise have one made after the other.
public final class SharedAnswer<T> {
    private static final long AHEAD_NANOS = Duration.ofSeconds(1).toNanos();

    private final Supplier<T> making;
    private final AtomicLong clock = new AtomicLong();
    private final ReentrantLock lock = new ReentrantLock(true);

    // Guarded by the lock.
    private long began;
    private @Nullable T made;
    private long madeAt;

    public SharedAnswer(Supplier<T> making) {
        this.making = making;
    }

    /// About how many wait for one that is being made.
    int waiting() {
        return lock.getQueueLength();
    }

    public T get() {
        boolean ahead = HttpConnection.pacesWhoAsksAhead();
        long asked = clock.incrementAndGet();
        lock.lock();
        try {
            T known = made;
            if (known != null && (asked < began || ahead && System.nanoTime() - madeAt < AHEAD_NANOS)) {
                return known;
            }
            began = clock.incrementAndGet();
            made = null; // a making that fails is nobody's answer
            T fresh = making.get();
            made = fresh;
            madeAt = System.nanoTime();
            return fresh;
        } finally {
            lock.unlock();
        }
    }
}
