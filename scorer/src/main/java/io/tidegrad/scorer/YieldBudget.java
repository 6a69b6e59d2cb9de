package io.tidegrad.scorer;

import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Lets other threads run between two pieces of an admission. Linux rarely takes a core from a thread before its tick
/// (250 or 1,000 a second), so that a request that wakes up on the follower's core would otherwise wait until the
/// version is admitted, 1 ms or more. An admission yields for a bounded time, and not at all if another version is
/// waiting behind it: on a busy machine new versions have priority.
///
/// `run` does nothing on threads that have not called `begin`.
final class YieldBudget implements Runnable {
    /// How long one turn may yield, from `begin` to the next poll. The last yield may exceed it: on a busy core one
    /// yield takes some milliseconds.
    static final long NANOS_MAX = 4_000_000;

    private final Runnable letOthersRun;
    private final LongSupplier nanoTime;
    private volatile @Nullable Thread owner;
    private long left; // the owner's

    YieldBudget() {
        this(Thread::yield, System::nanoTime);
    }

    /// @param nanoTime monotonic clock, ns
    YieldBudget(Runnable letOthersRun, LongSupplier nanoTime) {
        this.letOthersRun = letOthersRun;
        this.nanoTime = nanoTime;
    }

    /// Begins a turn of the calling thread.
    ///
    /// @param inStep whether no other version waits behind the one that is about to be admitted
    void begin(boolean inStep) {
        owner = Thread.currentThread();
        left = inStep ? NANOS_MAX : 0;
    }

    @Override
    public void run() {
        if (owner != Thread.currentThread() || left <= 0) {
            return;
        }
        long start = nanoTime.getAsLong();
        letOthersRun.run();
        left -= nanoTime.getAsLong() - start;
    }
}
