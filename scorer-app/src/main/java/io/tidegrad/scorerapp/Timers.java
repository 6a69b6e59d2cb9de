package io.tidegrad.scorerapp;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/// Threads for tasks that are repeated or delayed.
final class Timers {
    private Timers() {}

    /// Returns a timer whose only thread has this name and does not keep the process alive.
    static ScheduledExecutorService named(String name) {
        return Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().name(name).daemon().factory());
    }

    /// Runs a last task and stops the timer. After `within` what still runs is interrupted.
    static void close(ScheduledExecutorService timer, Runnable last, Duration within) {
        timer.execute(last);
        timer.shutdown();
        try {
            if (!timer.awaitTermination(within.toMillis(), TimeUnit.MILLISECONDS)) {
                timer.shutdownNow();
            }
        } catch (InterruptedException e) {
            timer.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
