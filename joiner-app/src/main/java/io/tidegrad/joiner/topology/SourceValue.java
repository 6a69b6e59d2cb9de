package io.tidegrad.joiner.topology;

import io.tidegrad.model.feature.Rejection;
import java.util.List;
import java.util.Objects;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;

/// A record of the events or the labels, with its bytes untouched; or a run of events, which pass Kafka Streams as one
/// record, for what Streams does for a record took a sixth of a stateless joiner's time. A `SourceReader` has read them once
/// by the time that Streams knows the event time, and the processor behind the source finds what was read.
///
/// To Streams a run is a record at the offset of its first event, as a trainer's bursts are, and for the same reasons
/// (docs/decisions/0005).
final class SourceValue {
    private final byte @Nullable [] bytes;
    private @Nullable Run run;

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

    /// What records in a row of one partition say.
    ///
    /// @param reads at least one
    /// @param lastOffset of the last of them
    record Run(List<Read> reads, long lastOffset) {
        /// Returns the largest event time; the smallest number: none can be read.
        long time() {
            long time = Long.MIN_VALUE; // what can't be read need not wait
            for (Read read : reads) {
                time = Math.max(time, SourceValue.time(read));
            }
            return time;
        }
    }

    private SourceValue(byte @Nullable [] bytes, @Nullable Run run) {
        this.bytes = bytes;
        this.run = run;
    }

    /// Streams passes the headers of a record to the deserializer as they are.
    private static final class Carrier extends RecordHeaders {
        private final Run run;

        Carrier(Run run) {
            this.run = run;
        }
    }

    static long time(Read read) {
        return read instanceof Read.Input(String id, JoinInput input, String label) ? input.time() : Long.MIN_VALUE;
    }

    /// Returns records as Streams gets them from a consumer that has read them already.
    ///
    /// @param first the first record of the run
    static ConsumerRecord<byte[], byte[]> carrying(ConsumerRecord<byte[], byte[]> first, Run run) {
        return new ConsumerRecord<>(first.topic(), first.partition(), first.offset(), first.timestamp(),
                first.timestampType(), first.serializedKeySize(), first.serializedValueSize(), first.key(),
                first.value(), new Carrier(run), first.leaderEpoch());
    }

    static Deserializer<SourceValue> deserializer() {
        return new Deserializer<>() {
            @Override
            public SourceValue deserialize(String topic, byte @Nullable [] bytes) {
                return new SourceValue(bytes, null);
            }

            @Override
            public SourceValue deserialize(String topic, Headers headers, byte @Nullable [] bytes) {
                return new SourceValue(bytes, headers instanceof Carrier carrier ? carrier.run : null);
            }
        };
    }

    byte @Nullable [] bytes() {
        return bytes;
    }

    void was(Run run) {
        this.run = run;
    }

    boolean isRead() {
        return run != null;
    }

    Run run() {
        return Objects.requireNonNull(run, "the time of a record is asked for before it is processed");
    }
}
