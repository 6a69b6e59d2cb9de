package io.tidegrad.joiner.topology;

import io.tidegrad.model.feature.Rejection;
import java.util.Objects;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;

/// A record of the events or the labels, with its bytes untouched. A `SourceReader` reads it once, when Streams asks for
/// its time, and the processor behind the source then finds what was read.
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

    private SourceValue(byte @Nullable [] bytes) {
        this.bytes = bytes;
    }

    static Deserializer<SourceValue> deserializer() {
        return (topic, bytes) -> new SourceValue(bytes);
    }

    byte @Nullable [] bytes() {
        return bytes;
    }

    void was(Read read) {
        this.read = read;
    }

    Read read() {
        return Objects.requireNonNull(read, "the time of a record is asked for before it is processed");
    }
}
