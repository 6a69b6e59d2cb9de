package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.EventRecord.CarriedHeader;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.topology.SourceValue.Read;
import io.tidegrad.joiner.topology.SourceValue.Run;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.StreamFields;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Reads the records of one side, events or labels, each once: when `AlignedConsumer` has fetched it, or else when Streams
/// asks for its time, so that both sides are taken in the order of their event time. What was read waits in the
/// `SourceValue`.
///
/// An unknown schema is the record's fault, but a registry that does not answer is not: the reader waits a little, then
/// the stream stops and is started again.
final class SourceReader {
    private static final Logger LOG = LoggerFactory.getLogger(SourceReader.class);
    private static final Duration PAUSE = Duration.ofMillis(200);
    private static final CarriedHeader[] NONE = {};

    private final String stream;
    private final boolean ofEvents;
    private final Duration patience;

    /// One reader serves all threads, and what decodes keeps state.
    private final ThreadLocal<Side> sides;

    private record Side(StreamFields fields, RecordDecoder decoder) {
    }

    /// @param ofEvents false: of labels
    /// @param decoders makes a decoder of values for a thread
    /// @param patience how long a record may wait for its schema: less than a transaction may last
    SourceReader(StreamSpec spec, boolean ofEvents, Supplier<RecordDecoder> decoders, Duration patience) {
        stream = spec.stream();
        this.ofEvents = ofEvents;
        this.patience = patience;
        sides = ThreadLocal.withInitial(
                () -> new Side(ofEvents ? StreamFields.ofEvents(spec) : StreamFields.ofLabels(spec), decoders.get()));
    }

    /// Returns what tells Streams the event time of a record, or the time of the records before if it can't be read. Kafka
    /// knows no time before 1970, so that the time which counts goes with what was read.
    ///
    /// @param readers of records that the consumer has not read, by topic
    static TimestampExtractor extractor(Map<String, SourceReader> readers) {
        return (record, partitionTime) -> {
            SourceValue value = (SourceValue) record.value();
            if (!value.isRead()) {
                SourceReader reader = Objects.requireNonNull(readers.get(record.topic()));
                value.was(new Run(List.of(reader.read(record, (byte[]) record.key(), value.bytes())), record.offset()));
            }
            long time = value.run().time();
            return Math.max(0, time == Long.MIN_VALUE ? partitionTime : time);
        };
    }

    Read read(ConsumerRecord<byte[], byte[]> record) {
        return read(record, record.key(), record.value());
    }

    private Read read(ConsumerRecord<?, ?> at, byte @Nullable [] key, byte @Nullable [] value) {
        Header tick = at.headers().lastHeader(Tick.HEADER);
        if (tick != null) {
            return tick(tick, at, key, value);
        }
        Side side = sides.get();
        StreamFields fields = side.fields();
        Rejection rejection = ofEvents && value == null
                ? new Rejection(Rejection.Reason.NULL_VALUE,
                        "expected an event, found a null value without the header " + Tick.HEADER)
                : rejection(side, at, key, value);
        if (rejection != null) {
            return refused(rejection, at, key, value);
        }
        Position position = new Position(at.partition(), at.offset());
        if (ofEvents) {
            EventRecord event = new EventRecord(fields.time(), position, fields.weight(),
                    new Content(Objects.requireNonNull(value), carried(at.headers())));
            return new Read.Input(fields.id(), new JoinInput.OfEvent(event, key), fields.label());
        }
        return new Read.Input(fields.id(),
                new JoinInput.OfLabel(new LabelRecord(fields.time(), position, fields.label(), key, value)), null);
    }

    private @Nullable Rejection rejection(Side side, ConsumerRecord<?, ?> at, byte @Nullable [] key,
            byte @Nullable [] value) {
        long deadline = 0;
        while (true) {
            try {
                return side.fields().read(side.decoder(), key, value, at.timestamp());
            } catch (RegistryUnavailableException e) {
                long now = System.nanoTime();
                deadline = deadline == 0 ? now + patience.toNanos() : deadline;
                if (now >= deadline || Thread.currentThread().isInterrupted()) {
                    throw new StopException(ExitCode.RETRYABLE,
                            "stream " + stream + ": expected the schema of " + at.topic() + "-" + at.partition()
                                    + " offset " + at.offset() + " from the schema registry within "
                                    + patience.toMillis() + " ms, found: " + e.getMessage()
                                    + "; nothing is lost: joining goes on at this offset once the registry answers",
                            e);
                }
                LOG.warn("stream {}: waiting for the schema registry: {}", stream, e.getMessage());
                LockSupport.parkNanos(PAUSE.toNanos());
            }
        }
    }

    private static Read tick(Header tick, ConsumerRecord<?, ?> at, byte @Nullable [] key, byte @Nullable [] value) {
        try {
            Long given = Tick.eventTime(tick);
            long time = given == null ? at.timestamp() : given;
            Rejection rejection = StreamFields.refused(time, at.timestamp());
            return rejection == null ? new Read.Input(null, new JoinInput.OfTick(time), null)
                    : refused(rejection, at, key, value);
        } catch (NumberFormatException notATime) {
            return refused(
                    new Rejection(Rejection.Reason.WRONG_TYPE,
                            "header " + Tick.HEADER + ": expected nothing or epoch milliseconds as decimal text"),
                    at, key, value);
        }
    }

    private static Read refused(Rejection rejection, ConsumerRecord<?, ?> at, byte @Nullable [] key,
            byte @Nullable [] value) {
        return new Read.Refused(rejection,
                new ConsumerRecord<>(at.topic(), at.partition(), at.offset(), at.timestamp(), at.timestampType(),
                        ConsumerRecord.NULL_SIZE, ConsumerRecord.NULL_SIZE, key, value, at.headers(),
                        at.leaderEpoch()));
    }

    static CarriedHeader[] carried(Headers headers) {
        List<CarriedHeader> carried = null;
        for (Header header : headers) {
            if (header.key().startsWith(Example.CARRIED_PREFIX)) {
                carried = carried == null ? new ArrayList<>() : carried;
                carried.add(new CarriedHeader(header.key(), header.value()));
            }
        }
        return carried == null ? NONE : carried.toArray(NONE);
    }
}
