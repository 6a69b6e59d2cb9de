package io.tidegrad.loadtests.chaos;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.Lab;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/// Keeps every visible event of a log in memory, so that a fold of them is possible after the topic was damaged.
final class LogTail implements AutoCloseable {
    private final Background thread;
    private final List<ConsumerRecord<byte[], byte[]>> events = new ArrayList<>(); // guarded by this

    LogTail(Lab lab, TopicPartition log) {
        thread = KafkaClients.tail("tail-" + log.topic(), lab.bootstrapServers(),
                Map.of("auto.offset.reset", "none", "fetch.max.wait.ms", 100), List.of(log), this::take);
    }

    private synchronized void take(KafkaConsumer<byte[], byte[]> consumer, ConsumerRecords<byte[], byte[]> records) {
        records.forEach(events::add);
    }

    /// One past the last event that was seen.
    synchronized long end() {
        return events.isEmpty() ? 0 : events.getLast().offset() + 1;
    }

    /// Whether events were deleted before they were read, or the log was replaced.
    boolean isBroken() {
        return thread.hasFailed();
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
