package io.tidegrad.scorerapp;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/// Bounds how many requests are processed at once. A request beyond that waits for a moment, in the order of arrival,
/// and is then refused before anything in it is looked at: a server that accepts more than it can process answers
/// nobody in time. Only computing counts, and not reading from a client or sending to it, so that no client can occupy
/// a place by being slow.
final class WorkLimit {
    /// A burst that is processed within this time is answered completely.
    private static final Duration WAIT = Duration.ofMillis(250);

    /// If requests take less than this, those of 1,000 connections are done before a wait is over.
    private static final long SHORT_NANOS = 200_000;

    private static final int MEAN_OF = 64;

    private final int running;
    private final Semaphore places;
    private final AtomicInteger waiting = new AtomicInteger();
    private final int waitingMax;
    private final Duration wait;

    // Mean time of recent requests. If two threads write at once, one of their times is lost.
    private volatile long meanNanos;

    /// @param running how many are processed at once
    /// @param waiting how many wait at once; each holds its request in memory
    WorkLimit(int running, int waiting) {
        this(running, waiting, WAIT);
    }

    /// @param wait longest wait for a place
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

    /// Turns of a client that may send many requests at once. Only some of its requests are processed or wait for a
    /// place; its others wait for these, so that they do not come before other clients' requests.
    Semaphore turns() {
        return new Semaphore(running, true);
    }

    /// @param turns turns of the client
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

    /// A virtual thread runs until it blocks, one on each processor, and computing does not block: the next request
    /// would not even be read, and its wait would go unnoticed. If it matters, all threads first run up to this point,
    /// so that their number shows. For short work that costs more than the work itself: with it, flights had 0.53 of a
    /// bare server's throughput, without it 0.84.
    private void letOthersCome() {
        if (meanNanos >= SHORT_NANOS) {
            Thread.yield();
        }
    }

    private static HttpProblem overloaded() {
        return new HttpProblem(ProblemReason.OVERLOADED,
                "more requests than the scorer processes at once (max-concurrent-requests); ask again later");
    }
}
