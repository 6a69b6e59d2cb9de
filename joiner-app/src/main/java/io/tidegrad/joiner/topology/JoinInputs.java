package io.tidegrad.joiner.topology;

import java.util.List;

/// Inputs of the join in their order, as one record carries them.
///
/// @param partition where they are sent to; it is no part of the record
/// @param all at least one
record JoinInputs(int partition, List<Keyed> all) {
    /// @param id of the event that is meant, in UTF-8; empty: of a tick
    record Keyed(byte[] id, JoinInput input) {
    }

    /// Returns the largest event time, so far as Kafka knows it. As the timestamp of their record it lets the time that
    /// Streams commits for a partition mean the same as if each input had a record of its own.
    long time() {
        long time = 0;
        for (Keyed each : all) {
            time = Math.max(time, each.input().time());
        }
        return time;
    }
}
