package io.tidegrad.trainer.simulation;

import io.tidegrad.trainer.store.TrainerClock;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/// A schedule's time: it passes when the schedule says so, and a little each time that somebody looks, so that what a
/// trainer does takes time and no patience lasts for ever.
final class SimulatedClock implements TrainerClock {
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long BEGINNING_MILLIS = 1_700_000_000_000L;

    private long nanos = 1;

    @Override
    public long nanos() {
        nanos += LOOK_NANOS;
        return nanos;
    }

    @Override
    public long epochMillis() {
        return BEGINNING_MILLIS + TimeUnit.NANOSECONDS.toMillis(nanos);
    }

    void pass(Duration time) {
        nanos += time.toNanos();
    }
}
