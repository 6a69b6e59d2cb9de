package io.tidegrad.proof;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.function.LongSupplier;

/// How much of the heap a piece of work takes once it is compiled. Before that the compiler may box what it later keeps
/// in registers, and it takes code back for which it has guessed wrong: a few bytes now and then, for as long as it goes on
/// in the background. So a round of the work is repeated until one allocates nothing: work that allocates in each round has
/// no such round. Then as many rounds again are run, and more until all of them together have allocated less than one byte
/// a call: work that allocates once in many rounds, such as a buffer that doubles, never does.
///
/// A round should take about a millisecond, and do all that must not allocate.
public final class SteadyAllocation {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /// Of processor time, which the compiler's threads get as much of as this one.
    private static final Duration AT_MOST = Duration.ofSeconds(20);

    private static final int FURTHER_ROUNDS_MIN = 50;

    private SteadyAllocation() {}

    /// Returns the bytes that the calling thread allocates in a round: 0, if that is less than one byte a call.
    ///
    /// @param calls how many calls of what must not allocate a round has
    public static long ofThisThread(int calls, Runnable round) {
        return bytes(THREADS::getCurrentThreadAllocatedBytes, calls, AT_MOST, round);
    }

    /// Returns the bytes that all threads allocate in a round: 0, if that is less than one byte a call. Threads that have
    /// nothing to do with the work allocate too, so that a round must be short: the test runner's take 104 bytes in some
    /// tenths of a second.
    ///
    /// @param calls how many calls of what must not allocate a round has
    public static long ofAllThreads(int calls, Runnable round) {
        return bytes(THREADS::getTotalThreadAllocatedBytes, calls, AT_MOST, round);
    }

    /// @param allocated returns the bytes that were allocated so far
    /// @param atMost processor time of the calling thread until a round allocates nothing, and as much for further rounds
    static long bytes(LongSupplier allocated, int calls, Duration atMost, Runnable round) {
        long end = THREADS.getCurrentThreadCpuTime() + atMost.toNanos();
        long rounds = 0;
        long least = Long.MAX_VALUE;
        do {
            long before = allocated.getAsLong();
            round.run();
            least = Math.min(least, allocated.getAsLong() - before);
            rounds++;
        } while (least > 0 && THREADS.getCurrentThreadCpuTime() < end);
        if (least > 0) {
            return least;
        }
        end = THREADS.getCurrentThreadCpuTime() + atMost.toNanos();
        long from = allocated.getAsLong();
        long furtherMin = Math.max(rounds, FURTHER_ROUNDS_MIN);
        long further = 0;
        long bytes;
        do {
            round.run();
            further++;
            bytes = allocated.getAsLong() - from;
        } while (further < furtherMin || bytes >= further * calls && THREADS.getCurrentThreadCpuTime() < end);
        return bytes < further * calls ? 0 : bytes / further;
    }
}
