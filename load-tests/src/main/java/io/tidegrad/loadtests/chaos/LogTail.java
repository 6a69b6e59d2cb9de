package io.tidegrad.loadtests.chaos;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.KafkaClients;
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
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/// Keeps every visible event of a log in memory, so that a fold of them is possible after the topic was damaged.
final class LogTail implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(100);

    private final Background thread;

    // Guarded by this.
    private final List<ConsumerRecord<byte[], byte[]>> events = new ArrayList<>();
    private boolean broken;

    LogTail(String bootstrapServers, TopicPartition log) {
        thread = Background.start("tail-" + log.topic(), self -> tail(bootstrapServers, log, self));
    }

    private void tail(String bootstrapServers, TopicPartition log, Background self) {
        try (KafkaConsumer<byte[], byte[]> consumer =
                KafkaClients.reader(bootstrapServers, Map.of("auto.offset.reset", "none", "fetch.max.wait.ms", 100))) {
            consumer.assign(List.of(log));
            consumer.seek(log, 0);
            while (!self.isClosed()) {
                var records = consumer.poll(POLL);
                synchronized (this) {
                    records.forEach(events::add);
                }
            }
        } catch (KafkaException lost) {
            // Later events are not known.
            synchronized (this) {
                broken = true;
            }
        }
    }

    /// One past the last event that was seen.
    synchronized long end() {
        return events.isEmpty() ? 0 : events.getLast().offset() + 1;
    }

    /// Whether events were deleted before they were read, or the log was replaced.
    synchronized boolean isBroken() {
        return broken;
    }

    /// The state-hash of a plain fold of everything before `watermark`.
    synchronized String foldedTo(long watermark, ModelSpec spec, SchemaRegistry registry) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        EventFold fold = new EventFold(spec, model, ValueDecoder.avro(spec, new AvroCodec(registry)));
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
        thread.close();
    }
}
