package io.tidegrad.trainer.store;

/// The clock of store, publisher and learning processor, which a simulation replaces. It decides when something is
/// written, looked up or told, never what is learned.
public interface TrainerClock {
    TrainerClock SYSTEM = new TrainerClock() {
        @Override
        public long nanos() {
            return System.nanoTime();
        }

        @Override
        public long epochMillis() {
            return System.currentTimeMillis();
        }
    };

    /// Returns a time for durations, which never goes back.
    long nanos();

    /// Returns the wall clock in milliseconds since 1970 UTC, which may go back.
    long epochMillis();
}
