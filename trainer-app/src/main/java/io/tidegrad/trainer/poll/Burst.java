package io.tidegrad.trainer.poll;

import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.Deserializer;

/// A few events that follow each other in the log, taken through Kafka Streams as one record: what Streams does for
/// every record (queue, contexts, four sensors) took a fifth of the learning thread's time; now it does it once a
/// burst. A burst is what a poll gave, never waited for.
///
/// To Streams it is a record at the offset of its first event. That keeps the group's offset right: it commits the
/// offset of the next record in its queue, or, with an empty queue, the one that the consumer reads next; either is
/// beyond all events that were processed and not beyond any that was not. A commit never falls inside a burst, because
/// Streams does not commit inside `process`.
///
/// @param events at least one, of one partition
public record Burst(List<ConsumerRecord<byte[], byte[]>> events) {
    /// Small, so that the learning thread looks often whether a commit is due, however slow the model.
    static final int EVENTS_MAX = 64;

    /// A step that changes a gigabyte takes half a second, and it may be an event's own.
    private static final long STEP_BYTES_A_SECOND = 2_000_000_000;

    /// How many events make a burst of at most about a second, so that a commit is never far.
    ///
    /// @param stepBytes that every step changes
    public static int eventsMax(long stepBytes) {
        return Math.clamp(STEP_BYTES_A_SECOND / Math.max(1, stepBytes), 1, EVENTS_MAX);
    }

    /// For the source node of what a `BurstConsumer` reads.
    public static Deserializer<Burst> deserializer() {
        return new Unwrapping();
    }

    /// As Streams sees it.
    ConsumerRecord<byte[], byte[]> wrapped() {
        ConsumerRecord<byte[], byte[]> first = events.getFirst();
        int keyBytes = 0;
        int valueBytes = 0;
        for (ConsumerRecord<byte[], byte[]> event : events) {
            keyBytes += Math.max(0, event.serializedKeySize());
            valueBytes += Math.max(0, event.serializedValueSize());
        }
        return new ConsumerRecord<>(first.topic(), first.partition(), first.offset(), Math.max(0, first.timestamp()), // Streams drops records with a negative one
                TimestampType.NO_TIMESTAMP_TYPE, keyBytes, valueBytes, NOTHING, NOTHING, new Carrier(this),
                first.leaderEpoch());
    }

    private static final byte[] NOTHING = {};

    /// Streams hands a record's headers to the deserializer as they are.
    private static final class Carrier extends RecordHeaders {
        private final Burst burst;

        Carrier(Burst burst) {
            this.burst = burst;
        }
    }

    private static final class Unwrapping implements Deserializer<Burst> {
        @Override
        public Burst deserialize(String topic, Headers headers, byte[] nothing) {
            if (headers instanceof Carrier carrier) {
                return carrier.burst;
            }
            throw new IllegalStateException(
                    "expected a burst of " + topic + " as the consumer made it, found headers of "
                            + headers.getClass().getName() + ": this version of Kafka Streams copies them");
        }

        @Override
        public Burst deserialize(String topic, byte[] nothing) {
            throw new IllegalStateException(
                    "expected to be asked with headers: this version of Kafka Streams does not");
        }
    }
}
