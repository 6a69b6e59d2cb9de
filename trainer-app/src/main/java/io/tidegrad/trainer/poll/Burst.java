package io.tidegrad.trainer.poll;

import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.Deserializer;

/// A few events in a row that pass Kafka Streams as one record. What Streams does for each record (queue, contexts,
/// four sensors) took a fifth of the learning thread's time; now it does that once for a burst. A burst holds events of
/// one poll, so no event waits for it.
///
/// To Streams a burst is a record at the offset of its first event. That keeps the group's offset right: Streams
/// commits the offset of the next record in its queue or, if the queue is empty, the one that the consumer reads next.
/// Either lies beyond all events that were processed, and not beyond any other. A commit never falls inside of a burst,
/// because Streams does not commit inside of `process`.
///
/// @param events at least one, of one partition
/// @param number of the first event in `EventsAhead`; `EventsAhead.NOT_AHEAD` if they were not handed over
public record Burst(List<ConsumerRecord<byte[], byte[]>> events, long number) {
    /// So small that the learning thread often looks whether a commit is due, however slow the model is.
    static final int EVENTS_MAX = 64;

    /// A burst ends with the event that reaches it, because Streams bounds how many bursts wait and not how large they are.
    static final int BYTES_MAX = 1024 * 1024;

    /// A step that changes a gigabyte takes half a second.
    private static final long STEP_BYTES_A_SECOND = 2_000_000_000;

    /// Returns how many events make a burst of at most about a second, so that a commit is never far.
    ///
    /// @param stepBytes how many bytes every step changes
    public static int eventsMax(long stepBytes) {
        return Math.clamp(STEP_BYTES_A_SECOND / Math.max(1, stepBytes), 1, EVENTS_MAX);
    }

    /// Returns the deserializer for the source node that reads from a `BurstConsumer`.
    public static Deserializer<Burst> deserializer() {
        return new Unwrapping();
    }

    /// Returns the record that Streams sees.
    ConsumerRecord<byte[], byte[]> wrapped() {
        ConsumerRecord<byte[], byte[]> first = events.getFirst();
        int keyBytes = 0;
        int valueBytes = 0;
        for (ConsumerRecord<byte[], byte[]> event : events) {
            keyBytes += Math.max(0, event.serializedKeySize());
            valueBytes += Math.max(0, event.serializedValueSize());
        }
        return new ConsumerRecord<>(first.topic(), first.partition(), first.offset(), Math.max(0, first.timestamp()), // Streams drops records with a negative timestamp
                TimestampType.NO_TIMESTAMP_TYPE, keyBytes, valueBytes, NOTHING, NOTHING, new Carrier(this),
                first.leaderEpoch());
    }

    private static final byte[] NOTHING = {};

    /// Streams passes the headers of a record to the deserializer as they are.
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
