package io.tidegrad.trainer.store;

/// The time that store, publisher and learning processor go by: no other class of theirs asks the machine for it, so
/// that a simulation owns it. It decides what is written, looked up and told when, never what is learned.
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

    /// For durations: never goes back, says nothing alone.
    long nanos();

    /// The wall clock, in milliseconds since 1970 UTC: may be set, and go back.
    long epochMillis();
}
