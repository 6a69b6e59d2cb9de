package io.tidegrad.loadtests;

import java.time.Duration;

/// Waits for what other processes do, and for no longer than a bound: nothing tells us when they have.
public final class Await {
    private static final Duration LOOK_EVERY = Duration.ofMillis(10);

    private Await() {}

    public interface Condition {
        boolean holds() throws InterruptedException;
    }

    /// @param expected what is waited for, for the message
    /// @throws LoadTestException it does not hold within `bound`
    public static void until(String expected, Duration bound, Condition condition) throws InterruptedException {
        long deadline = System.nanoTime() + bound.toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > deadline) {
                throw new LoadTestException(
                        "expected " + expected + " within " + bound.toSeconds() + " s, found that it is not");
            }
            Thread.sleep(LOOK_EVERY);
        }
    }
}
