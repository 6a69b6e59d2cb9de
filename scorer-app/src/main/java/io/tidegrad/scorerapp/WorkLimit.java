package io.tidegrad.scorerapp;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/// How many requests are worked on at once. What comes beyond waits a moment, in the order of its coming, and is then
/// refused, before anything in it is looked at: a server that takes on more than it can do answers nobody in time. Work
/// is what computes; reading from a client and sending to it are not, so that no client can hold a place by being slow.
final class WorkLimit {
    /// A burst that is worked off within it is answered whole.
    private static final Duration WAIT = Duration.ofMillis(250);

    /// Of work below it, a thousand connections together are done before a wait is over.
    private static final long SHORT_NANOS = 200_000;

    private static final int MEAN_OF = 64;

    private final int running;
    private final Semaphore places;
    private final AtomicInteger waiting = new AtomicInteger();
    private final int waitingMax;
    private final Duration wait;

    // Of work, lately. Where two say at once how long they took, one of them is lost.
    private volatile long meanNanos;

    /// @param running at once
    /// @param waiting at once; each holds its request in memory
    WorkLimit(int running, int waiting) {
        this(running, waiting, WAIT);
    }

    /// @param wait for a place, at most
    WorkLimit(int running, int waiting, Duration wait) {
        this.running = running;
        places = new Semaphore(running, true);
        waitingMax = waiting;
        this.wait = wait;
    }

    /// @throws HttpProblem `overloaded`, and what `work` throws
    <T> T within(Supplier<T> work) {
        begin();
        long start = System.nanoTime();
        try {
            return work.get();
        } finally {
            long mean = meanNanos;
            meanNanos = mean + (System.nanoTime() - start - mean) / MEAN_OF;
            places.release();
        }
    }

    /// Of a client that may ask for much at once: so many of its requests are worked on or wait for a place, and its
    /// others wait for these, so that they come before nobody else's.
    Semaphore turns() {
        return new Semaphore(running, true);
    }

    /// @param turns of the client
    /// @throws HttpProblem `overloaded`, and what `work` throws
    <T> T within(Semaphore turns, Supplier<T> work) {
        try {
            if (!turns.tryAcquire(wait.toNanos(), TimeUnit.NANOSECONDS)) {
                throw overloaded();
            }
        } catch (InterruptedException stopping) {
            Thread.currentThread().interrupt();
            throw overloaded();
        }
        try {
            return within(work);
        } finally {
            turns.release();
        }
    }

    private void begin() {
        try {
            if (places.tryAcquire(0, TimeUnit.NANOSECONDS)) {
                letOthersCome();
                return;
            }
            if (waiting.incrementAndGet() > waitingMax) {
                waiting.decrementAndGet();
                throw overloaded();
            }
            try {
                if (!places.tryAcquire(wait.toNanos(), TimeUnit.NANOSECONDS)) {
                    throw overloaded();
                }
            } finally {
                waiting.decrementAndGet();
            }
        } catch (InterruptedException stopping) {
            Thread.currentThread().interrupt();
            throw overloaded();
        }
    }

    /// Virtual threads run until they block, one a processor, and work does not block: who is next would not even be
    /// read, and wait unseen. Where it matters all come as far as this, and how many they are shows. For short work it
    /// costs more than the work itself: with it, flights had 0.53 of a bare server's throughput, without, 0.84.
    private void letOthersCome() {
        if (meanNanos >= SHORT_NANOS) {
            Thread.yield();
        }
    }

    private static HttpProblem overloaded() {
        return new HttpProblem(ProblemReason.OVERLOADED,
                "more requests than are worked on at once (--max-concurrent-requests); ask again later");
    }
}
