package io.tidegrad.trainer.simulation;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.jspecify.annotations.Nullable;

/// A producer's transaction: open until it is decided; what it decided becomes visible partition by partition, as each
/// gets its marker.
final class Transaction {
    enum State {
        OPEN, COMMITTED, ABORTED
    }

    State state = State.OPEN;

    /// That have its records and not yet its marker.
    final Set<SimulatedLog> unmarked = new LinkedHashSet<>();

    final List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();

    /// Of the log of record; null when none joined.
    @Nullable
    OffsetAndMetadata offsets;

    boolean offsetsUnmarked;

    /// The offsets joined last: its commit may be on its way.
    boolean isComplete;

    boolean isMarkedEverywhere() {
        return unmarked.isEmpty() && !offsetsUnmarked;
    }
}
