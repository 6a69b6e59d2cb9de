package io.tidegrad.trainer.relearn;

import java.time.Duration;

/// How far a replay has come.
///
/// @param from offset of its first record
/// @param at the offset before which everything has been learned
/// @param end offset (exclusive) where it stops
/// @param records how many visible records were read
/// @param nanos time since it began to read
public record ReplayProgress(long from, long at, long end, long records, long nanos) {
    /// Called a few times a second, on the learning thread.
    @FunctionalInterface
    public interface Listener {
        Listener NONE = progress -> {
        };

        void at(ReplayProgress progress);
    }

    public double share() {
        return end == from ? 1 : (double) (at - from) / (end - from);
    }

    public double recordsPerSecond() {
        return records / (nanos * 1e-9);
    }

    /// Returns the time that is left at the mean rate so far; zero if nothing is known or left.
    public Duration left() {
        return at == from ? Duration.ZERO : Duration.ofNanos((long) ((double) nanos / (at - from) * (end - at)));
    }
}
