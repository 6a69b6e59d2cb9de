package io.tidegrad.trainer;

import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.utils.Time;

/// The time for Kafka Streams: the wall clock of its start, and what has passed since by a clock that nobody sets.
/// Streams measures its commit intervals and the times between two punctuations by it, and puts it into no record. By
/// the wall clock (`Time.SYSTEM`) a step back of half an hour would keep it from both for half an hour.
final class MonotonicTime implements Time {
    private final LongSupplier nanos;
    private final long startMillis;
    private final long startNanos;

    MonotonicTime() {
        this(System::currentTimeMillis, System::nanoTime);
    }

    MonotonicTime(LongSupplier epochMillis, LongSupplier nanos) {
        this.nanos = nanos;
        startMillis = epochMillis.getAsLong();
        startNanos = nanos.getAsLong();
    }

    @Override
    public long milliseconds() {
        return startMillis + (nanos.getAsLong() - startNanos) / 1_000_000;
    }

    @Override
    public long nanoseconds() {
        return nanos.getAsLong();
    }

    @Override
    public void sleep(long millis) {
        Time.SYSTEM.sleep(millis);
    }

    @Override
    public void waitObject(Object lock, Supplier<Boolean> condition, long deadlineMillis) throws InterruptedException {
        synchronized (lock) {
            while (!condition.get()) {
                long left = deadlineMillis - milliseconds();
                if (left <= 0) {
                    throw new TimeoutException("Condition not satisfied before deadline");
                }
                lock.wait(left);
            }
        }
    }
}
