package io.tidegrad.scorer;

import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Between two pieces of an admission: whoever waits for the core gets it. Linux seldom takes a core from a thread
/// before its tick (250 or 1,000 a second), so that a request which is woken on the follower's core would otherwise
/// wait until the version is admitted, a millisecond or more. An admission gives away a bounded time, and none when
/// another version waits behind it: on a machine that is full, versions come first.
///
/// `run` does nothing on threads that did not `begin`.
final class YieldBudget implements Runnable {
    /// To others, of one turn, which ends with the poll behind it; the last yield may go beyond. One gives a busy core
    /// away for some milliseconds.
    static final long NANOS_MAX = 4_000_000;

    private final Runnable letOthersRun;
    private final LongSupplier nanoTime;
    private volatile @Nullable Thread owner;
    private long left; // the owner's

    YieldBudget() {
        this(Thread::yield, System::nanoTime);
    }

    /// @param nanoTime monotonic
    YieldBudget(Runnable letOthersRun, LongSupplier nanoTime) {
        this.letOthersRun = letOthersRun;
        this.nanoTime = nanoTime;
    }

    /// The calling thread begins a turn.
    ///
    /// @param inStep nothing waits behind what it is about to do
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
