package io.tidegrad.loadtests;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Waits, up to a bound, for what other processes do. It looks again and again, because nothing notifies us.
public final class Await {
    private static final Duration LOOK_EVERY = Duration.ofMillis(10);

    private Await() {}

    /// A question whose answer may take a while.
    @FunctionalInterface
    public interface Interruptible<T> {
        T get() throws InterruptedException;
    }

    /// Looks for a value; returns null until there is one.
    @FunctionalInterface
    public interface Look<T> {
        @Nullable
        T at() throws InterruptedException;
    }

    /// @param expected what is waited for, for the message
    /// @throws LoadTestException it does not hold within `bound`
    public static void until(String expected, Duration bound, Interruptible<Boolean> condition)
            throws InterruptedException {
        until(expected, bound, condition, () -> "that it is not");
    }

    /// @throws LoadTestException it does not hold within `bound`
    public static void until(String expected, Duration bound, Interruptible<Boolean> condition,
            Interruptible<String> found) throws InterruptedException {
        if (!within(bound, condition)) {
            throw new LoadTestException(
                    "expected " + expected + " within " + bound.toSeconds() + " s, found " + found.get());
        }
    }

    /// Likewise, while others are healthy: `healthy` throws where they are not.
    public static void until(String expected, Duration bound, Runnable healthy, Interruptible<Boolean> condition)
            throws InterruptedException {
        until(expected, bound, () -> {
            healthy.run();
            return condition.get();
        });
    }

    /// Returns the first value.
    ///
    /// @throws LoadTestException there is none within `bound`
    public static <T> T value(String expected, Duration bound, Look<T> look, Interruptible<String> found)
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

    /// Waits until a count is as high as `wanted`, however long that takes, if only it rises at least every `standstill`.
    ///
    /// @return the count, which is `wanted` or more
    /// @throws LoadTestException the count stood still
    public static long reached(String expected, long wanted, Duration standstill, Interruptible<Long> count)
            throws InterruptedException {
        long reached = count.get();
        while (reached < wanted) {
            long before = reached;
            reached = value(expected + " (" + wanted + ") to come nearer", standstill, () -> {
                long now = count.get();
                return now > before ? now : null;
            }, () -> String.valueOf(before));
        }
        return reached;
    }

    /// Whether it holds within `bound`.
    public static boolean within(Duration bound, Interruptible<Boolean> condition) throws InterruptedException {
        long begin = System.nanoTime();
        while (!condition.get()) {
            if (System.nanoTime() - begin > bound.toNanos()) {
                return false;
            }
            Thread.sleep(LOOK_EVERY);
        }
        return true;
    }
}
