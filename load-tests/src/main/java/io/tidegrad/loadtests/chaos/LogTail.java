package io.tidegrad.loadtests.chaos;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/// Every visible event of a log from its beginning, kept in memory: what a model must come to, whatever becomes of the
/// topic afterwards.
final class LogTail implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(100);

    private final TopicPartition log;
    private final Thread thread;
    private volatile boolean closed;

    // Guarded by this.
    private final List<ConsumerRecord<byte[], byte[]>> events = new ArrayList<>();
    private boolean broken;

    LogTail(String bootstrapServers, TopicPartition log) {
        this.log = log;
        thread = Thread.ofPlatform().daemon().name("tail-" + log.topic()).start(() -> tail(bootstrapServers));
    }

    private void tail(String bootstrapServers) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrapServers, "isolation.level",
                "read_committed", "auto.offset.reset", "none", "allow.auto.create.topics", false, "enable.auto.commit",
                false, "fetch.max.wait.ms", 100);
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(log));
            consumer.seek(log, 0);
            while (!closed) {
                var records = consumer.poll(POLL);
                synchronized (this) {
                    records.forEach(events::add);
                }
            }
        } catch (OffsetOutOfRangeException lost) {
            // What came since is not known.
            synchronized (this) {
                broken = true;
            }
        } catch (KafkaException e) {
            synchronized (this) {
                broken = true;
            }
        }
    }

    /// One past the last event that was seen.
    synchronized long end() {
        return events.isEmpty() ? 0 : events.getLast().offset() + 1;
    }

    /// Whether events were deleted before they were seen, or the log is another one now.
    synchronized boolean isBroken() {
        return broken;
    }

    /// The state-hash of a plain fold of everything before `watermark`.
    synchronized String foldedTo(long watermark, ModelSpec spec, SchemaRegistry registry) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        EventFold fold = new EventFold(spec, model, ValueDecoder.avro(new AvroCodec(registry)));
        for (ConsumerRecord<byte[], byte[]> event : events) {
            if (event.offset() >= watermark) {
                break;
            }
            fold.fold(event.value(), event.headers());
        }
        return model.stateHash();
    }

    @Override
    public void close() {
        closed = true;
        try {
            thread.join(Duration.ofSeconds(10));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
