package io.tidegrad.process;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks at what a process depends on, again and again, until it is closed. Each look has its own time, and none waits for
/// another.
public final class Looks implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Looks.class);
    private static final Duration END_MAX = Duration.ofSeconds(5);

    private final ScheduledExecutorService threads =
            Executors.newScheduledThreadPool(3, Thread.ofVirtual().name("look-", 0).factory());

    /// Looks again a while after each look. One that fails is made again; of looks that fail in a row only the first is
    /// logged, because Kafka may be away for long. One that ends with an `Error` is given to the thread's handler of
    /// what nobody caught, which ends the process.
    ///
    /// @param failing what can't be done when a look fails, for the log
    public void every(Duration time, String failing, Runnable look) {
        AtomicBoolean failed = new AtomicBoolean();
        threads.scheduleWithFixedDelay(() -> {
            try {
                look.run();
                failed.set(false);
            } catch (RuntimeException e) {
                if (!threads.isShutdown() && !failed.getAndSet(true)) {
                    LOG.warn("{}, trying again: {}", failing, e.getMessage());
                }
            } catch (Error e) { // the executor would keep it to itself, and never look again
                Thread thread = Thread.currentThread();
                thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
                throw e;
            }
        }, time.toMillis(), time.toMillis(), TimeUnit.MILLISECONDS);
    }

    /// Ends looking, and waits a few seconds for looks that are at it.
    @Override
    public void close() {
        threads.shutdownNow();
        try {
            threads.awaitTermination(END_MAX.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
