package io.tidegrad.loadtests.score;

import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;

/// Calls that are due at times fixed before the first one. Each is counted from when it was due, made late or not: a
/// call that takes long holds up those behind it, and they say so (else its time would be seen once instead of by all
/// who waited).
///
/// @param perSecond calls due, evenly
record OpenLoop(Time time, double perSecond) {
    static final long NANOS_MAX = 60_000_000_000L;

    /// What the calls are paced and measured by.
    interface Time {
        long nanos();

        /// Waits, if that is not past.
        ///
        /// @return what `nanos` said last
        long until(long nanos);
    }

    /// One call, by its number. Returns whether its time counts.
    @FunctionalInterface
    interface Call {
        boolean make(long number);
    }

    /// What was measured.
    record Latencies(Histogram whole, Histogram late) {
        Latencies() {
            this(newHistogram(), newHistogram());
        }

        /// For several threads at once: of a thousand connections each would hold half a megabyte of its own.
        static Latencies ofManyThreads() {
            return new Latencies(new ConcurrentHistogram(1, NANOS_MAX, 3), new ConcurrentHistogram(1, NANOS_MAX, 3));
        }

        void add(Latencies other) {
            whole.add(other.whole);
            late.add(other.late);
        }
    }

    static Histogram newHistogram() {
        return new Histogram(1, NANOS_MAX, 3);
    }

    /// Gives up its core while it waits; Linux wakes it some 60 µs after it was to be woken, which counts.
    static final Time PARKING = waiting(LockSupport::parkNanos);

    /// Keeps its core.
    static final Time SPINNING = waiting(left -> Thread.onSpinWait());

    private static Time waiting(LongConsumer pause) {
        return new Time() {
            @Override
            public long nanos() {
                return System.nanoTime();
            }

            @Override
            public long until(long nanos) {
                long now = System.nanoTime();
                while (now < nanos) {
                    pause.accept(nanos - now);
                    now = System.nanoTime();
                }
                return now;
            }
        };
    }

    /// Makes every `lanes`-th of the calls, from number `lane` on: call n is due n intervals after `start`.
    ///
    /// @param calls of all lanes together
    void run(long start, int lane, int lanes, long calls, Call call, Latencies latencies) {
        run(start, lane, lanes, calls, Long.MAX_VALUE, call, latencies);
    }

    /// As `run`, but leaves out calls that are late.
    ///
    /// @param patience of a call, in nanoseconds after it was due
    /// @return calls left out
    long run(long start, int lane, int lanes, long calls, long patience, Call call, Latencies latencies) {
        long leftOut = 0;
        double interval = 1e9 / perSecond;
        for (long number = lane; number < calls; number += lanes) {
            long due = start + Math.round(number * interval);
            long sent = time.until(due);
            if (sent - due > patience) {
                leftOut++;
                continue;
            }
            boolean counts = call.make(number);
            long done = time.nanos();
            latencies.late.recordValue(Math.clamp(sent - due, 1, NANOS_MAX));
            if (counts) {
                latencies.whole.recordValue(Math.clamp(done - due, 1, NANOS_MAX));
            }
        }
        return leftOut;
    }
}
