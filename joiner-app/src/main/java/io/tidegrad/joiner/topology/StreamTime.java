package io.tidegrad.joiner.topology;

/// The time that every task of a stream may take although it has taken no record of it, because no record that is still
/// to come can be older: `JoinProgress` finds it out. It decides only when something is written, and what was written
/// stands in the log. Without it a task whose partitions are silent would keep its events waiting for ever.
public final class StreamTime {
    private record Known(long time, boolean idle, long settled) {
    }

    private volatile Known known = new Known(Long.MIN_VALUE, false, Long.MIN_VALUE);

    /// @param time epoch milliseconds; the smallest number: nothing is known
    /// @param idle whether everything was read
    /// @param settled everything that was over by this time is committed, by all tasks; the smallest number: nothing is known
    void is(long time, boolean idle, long settled) {
        known = new Known(time, idle, settled);
    }

    long time() {
        return known.time();
    }

    long settled() {
        return known.settled();
    }

    boolean isIdle() {
        return known.idle();
    }
}
