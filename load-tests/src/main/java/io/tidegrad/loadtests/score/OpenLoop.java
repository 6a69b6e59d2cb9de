package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.Result;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;

/// Makes calls at times that are fixed in advance. The time of each counts from when it was due, even if it is made late:
/// all calls that a slow call holds up count as slow too, as for clients that wait.
///
/// @param perSecond calls due, evenly
public record OpenLoop(Time time, double perSecond) {
    static final long NANOS_MAX = 60_000_000_000L;

    /// The clock that paces and measures the calls.
    public interface Time {
        long nanos();

        /// Waits, if that is not past.
        ///
        /// @return what `nanos` said last
        long until(long nanos);
    }

    /// One call, by its number. Returns whether its time counts.
    @FunctionalInterface
    public interface Call {
        boolean make(long number);
    }

    /// What was measured.
    public record Latencies(Histogram whole, Histogram late) {
        public Latencies() {
            this(new Histogram(1, NANOS_MAX, 3), new Histogram(1, NANOS_MAX, 3));
        }

        /// For several threads at once. A histogram for each of a thousand connections would take half a megabyte each.
        static Latencies ofManyThreads() {
            return new Latencies(new ConcurrentHistogram(1, NANOS_MAX, 3), new ConcurrentHistogram(1, NANOS_MAX, 3));
        }

        void add(Latencies other) {
            whole.add(other.whole);
            late.add(other.late);
        }

        /// Adds percentiles, named by what was measured and the unit.
        ///
        /// @param nanos of the unit
        void tell(Result result, String prefix, String unit, double nanos) {
            result.put(prefix + "_p50_" + unit, whole.getValueAtPercentile(50) / nanos)
                    .put(prefix + "_p99_" + unit, whole.getValueAtPercentile(99) / nanos)
                    .put(prefix + "_p999_" + unit, whole.getValueAtPercentile(99.9) / nanos)
                    .put(prefix + "_max_" + unit, whole.getMaxValue() / nanos);
        }
    }

    /// Gives up the core while it waits. Linux wakes it about 60 µs late, which counts.
    public static final Time PARKING = waiting(LockSupport::parkNanos);

    /// Keeps the core while it waits.
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

    /// Makes every `clients`-th of the calls, from number `client` on: call n is due n intervals after `start`.
    ///
    /// @param calls of all clients together
    public void run(long start, int client, int clients, long calls, Call call, Latencies latencies) {
        run(start, client, clients, calls, Long.MAX_VALUE, call, latencies);
    }

    /// As `run`, but leaves out calls that are late.
    ///
    /// @param patience of a call, in nanoseconds after it was due
    /// @return calls left out
    long run(long start, int client, int clients, long calls, long patience, Call call, Latencies latencies) {
        long leftOut = 0;
        double interval = 1e9 / perSecond;
        for (long number = client; number < calls; number += clients) {
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
