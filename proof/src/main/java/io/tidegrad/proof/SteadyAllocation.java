package io.tidegrad.proof;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.function.LongSupplier;

/// How much of the heap a piece of work takes once it is compiled. Before that the compiler may box what it later keeps
/// in registers, and it takes code back for which it has guessed wrong: a few bytes now and then, for as long as it goes on
/// in the background. So a round of the work is repeated until one allocates nothing. Work that allocates in each round
/// has no such round, however often it is tried. Work that allocates only once in many rounds, such as a buffer that
/// grows, is not seen.
///
/// A round should take about a millisecond, and do all that must not allocate.
public final class SteadyAllocation {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /// Of processor time, which the compiler's threads get as much of as this one.
    private static final Duration AT_MOST = Duration.ofSeconds(20);

    private SteadyAllocation() {}

    /// Returns the bytes that the calling thread allocates in a round: 0, or the least of many rounds.
    public static long ofThisThread(Runnable round) {
        return least(THREADS::getCurrentThreadAllocatedBytes, AT_MOST, round);
    }

    /// Returns the bytes that all threads allocate in a round: 0, or the least of many rounds. Threads that have nothing to
    /// do with the work allocate too, so that a round must be short: the test runner's take 104 bytes in some tenths of a
    /// second.
    public static long ofAllThreads(Runnable round) {
        return least(THREADS::getTotalThreadAllocatedBytes, AT_MOST, round);
    }

    /// @param allocated returns the bytes that were allocated so far
    /// @param atMost processor time of the calling thread
    static long least(LongSupplier allocated, Duration atMost, Runnable round) {
        long end = THREADS.getCurrentThreadCpuTime() + atMost.toNanos();
        long least = Long.MAX_VALUE;
        do {
            long before = allocated.getAsLong();
            round.run();
            least = Math.min(least, allocated.getAsLong() - before);
        } while (least > 0 && THREADS.getCurrentThreadCpuTime() < end);
        return least;
    }
}
