package io.tidegrad.loadtests;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// A daemon thread that works beside a load test until it is closed. It keeps its failure until somebody asks for it.
public final class Background implements AutoCloseable {
    private static final Duration ENDS_WITHIN = Duration.ofSeconds(20);

    private final Thread thread;
    private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
    private volatile boolean closed;

    /// The work. An interrupt ends it and is no failure.
    @FunctionalInterface
    public interface Work {
        void run(Background self) throws Exception;
    }

    private Background(String name, Work work) {
        thread = Thread.ofPlatform().daemon().name(name).unstarted(() -> {
            try {
                work.run(this);
            } catch (InterruptedException closing) {
                Thread.currentThread().interrupt();
            } catch (Exception e) {
                fail(e);
            }
        });
    }

    public static Background start(String name, Work work) {
        Background background = unstarted(name, work);
        background.start();
        return background;
    }

    /// For an owner that has to be complete before its thread begins.
    public static Background unstarted(String name, Work work) {
        return new Background(name, work);
    }

    public void start() {
        thread.start();
    }

    /// Whether the work is to end.
    public boolean isClosed() {
        return closed;
    }

    /// Waits until then, in the terms of `System.nanoTime`. Returns false if the work is to end before; only the work may
    /// call this.
    public boolean comes(long nanos) {
        for (long left; !closed && (left = nanos - System.nanoTime()) > 0;) {
            LockSupport.parkNanos(left);
        }
        return !closed;
    }

    /// Whether the work has ended.
    public boolean isDone() {
        return !thread.isAlive();
    }

    /// Keeps the first failure, which the work or a callback of it has found.
    public void fail(Exception e) {
        failure.compareAndSet(null, e);
    }

    public boolean hasFailed() {
        return failure.get() != null;
    }

    /// @param what could not be done, for the message
    /// @throws LoadTestException the work failed
    public void requireHealthy(String what) {
        Exception e = failure.get();
        if (e != null) {
            throw new LoadTestException(what + ": " + e, e);
        }
    }

    /// Interrupts work that may wait for ever.
    public void interrupt() {
        closed = true;
        thread.interrupt();
    }

    /// Tells the work to end, and waits for that.
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
        try {
            if (!thread.join(ENDS_WITHIN)) {
                fail(new LoadTestException("expected " + thread.getName() + " to end within " + ENDS_WITHIN.toSeconds()
                        + " s, found it at work"));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
