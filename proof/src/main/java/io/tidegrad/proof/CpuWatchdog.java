package io.tidegrad.proof;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.function.LongFunction;

/// Ends the process with a stack trace if one step of the thread that created it takes more processor time than
/// allowed: a parser that hangs would otherwise hang the build without naming the input. It measures processor time,
/// because a busy machine makes any step slow.
public final class CpuWatchdog implements AutoCloseable {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final Duration LOOK_EVERY = Duration.ofMillis(500);

    private final Thread watched = Thread.currentThread();
    private final long limitNanos;
    private final LongFunction<String> describe;
    private final Thread watcher;
    private volatile long step = -1;

    /// @param describe describes a step by its number, for the report
    public CpuWatchdog(Duration limit, LongFunction<String> describe) {
        limitNanos = limit.toNanos();
        this.describe = describe;
        watcher = Thread.ofPlatform().name("cpu-watchdog").daemon().start(this::watch);
    }

    public void begin(long step) {
        this.step = step;
    }

    private void watch() {
        long seen = -1;
        long since = 0;
        try {
            while (true) {
                Thread.sleep(LOOK_EVERY);
                long now = THREADS.getThreadCpuTime(watched.threadId());
                long at = step;
                if (at != seen) {
                    seen = at;
                    since = now;
                } else if (now - since > limitNanos) {
                    report(at);
                }
            }
        } catch (InterruptedException closed) {
            Thread.currentThread().interrupt();
        }
    }

    private void report(long at) {
        System.out.println(
                "hangs: more than " + limitNanos / 1_000_000_000 + " s of processor time at " + describe.apply(at));
        for (StackTraceElement frame : watched.getStackTrace()) {
            System.out.println("    at " + frame);
        }
        System.out.flush();
        Runtime.getRuntime().halt(1);
    }

    @Override
    public void close() {
        watcher.interrupt();
    }
}
