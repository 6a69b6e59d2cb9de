package io.tidegrad.loadtests;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Waits for what other processes do, and for no longer than a bound: nothing tells us when they have.
public final class Await {
    private static final Duration LOOK_EVERY = Duration.ofMillis(10);

    private Await() {}

    @FunctionalInterface
    public interface Condition {
        boolean holds() throws InterruptedException;
    }

    /// Tells for a message what there is instead.
    @FunctionalInterface
    public interface Finding {
        String text() throws InterruptedException;
    }

    /// @param expected what is waited for, for the message
    /// @throws LoadTestException it does not hold within `bound`
    public static void until(String expected, Duration bound, Condition condition) throws InterruptedException {
        until(expected, bound, condition, () -> "that it is not");
    }

    /// @throws LoadTestException it does not hold within `bound`
    public static void until(String expected, Duration bound, Condition condition, Finding found)
            throws InterruptedException {
        if (!within(bound, condition)) {
            throw new LoadTestException(
                    "expected " + expected + " within " + bound.toSeconds() + " s, found " + found.text());
        }
    }

    /// Looks for something that is not there at once.
    @FunctionalInterface
    public interface Look<T> {
        @Nullable
        T at() throws InterruptedException;
    }

    /// Returns what is seen first.
    ///
    /// @throws LoadTestException nothing is within `bound`
    public static <T> T value(String expected, Duration bound, Look<T> look, Finding found)
            throws InterruptedException {
        List<T> seen = new ArrayList<>();
        until(expected, bound, () -> {
            T value = look.at();
            if (value != null) {
                seen.add(value);
            }
            return value != null;
        }, found);
        return seen.getFirst();
    }

    /// Whether it holds within `bound`.
    public static boolean within(Duration bound, Condition condition) throws InterruptedException {
        long begin = System.nanoTime();
        while (!condition.holds()) {
            if (System.nanoTime() - begin > bound.toNanos()) {
                return false;
            }
            Thread.sleep(LOOK_EVERY);
        }
        return true;
    }
}
