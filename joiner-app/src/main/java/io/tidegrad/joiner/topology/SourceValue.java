package io.tidegrad.joiner.topology;

import io.tidegrad.model.feature.Rejection;
import java.util.Objects;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;

/// A record of the events or the labels, with its bytes untouched. A `SourceReader` has read it once by
/// the time that Streams knows its event time, and the processor behind the source finds what was read.
final class SourceValue {
    private final byte @Nullable [] bytes;
    private @Nullable Read read;

    /// What a record says.
    sealed interface Read {
        /// @param id null if the stream's spec names none
        /// @param label of the event itself; null if labels come from another topic
        record Input(@Nullable String id, JoinInput input, @Nullable String label) implements Read {
        }

        /// @param record with its bytes, for a dead letter
        record Refused(Rejection rejection, ConsumerRecord<byte[], byte[]> record) implements Read {
        }
    }

    private SourceValue(byte @Nullable [] bytes, @Nullable Read read) {
        this.bytes = bytes;
        this.read = read;
    }

    /// Streams passes the headers of a record to the deserializer as they are.
    private static final class Carrier extends RecordHeaders {
        private final Read read;

        Carrier(Read read) {
            this.read = read;
        }
    }

    /// Returns a record as Streams gets it from a consumer that has read it already.
    static ConsumerRecord<byte[], byte[]> carrying(ConsumerRecord<byte[], byte[]> record, Read read) {
        return new ConsumerRecord<>(record.topic(), record.partition(), record.offset(), record.timestamp(),
                record.timestampType(), record.serializedKeySize(), record.serializedValueSize(), record.key(),
                record.value(), new Carrier(read), record.leaderEpoch());
    }

    static Deserializer<SourceValue> deserializer() {
        return new Deserializer<>() {
            @Override
            public SourceValue deserialize(String topic, byte @Nullable [] bytes) {
                return new SourceValue(bytes, null);
            }

            @Override
            public SourceValue deserialize(String topic, Headers headers, byte @Nullable [] bytes) {
                return new SourceValue(bytes, headers instanceof Carrier carrier ? carrier.read : null);
            }
        };
    }

    byte @Nullable [] bytes() {
        return bytes;
    }

    void was(Read read) {
        this.read = read;
    }

    boolean isRead() {
        return read != null;
    }

    Read read() {
        return Objects.requireNonNull(read, "the time of a record is asked for before it is processed");
    }
}
