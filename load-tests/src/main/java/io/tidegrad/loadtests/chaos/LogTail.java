package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.Lab;
import io.tidegrad.model.learn.EventFold;
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

    /// The state-hash of a fold of everything before `watermark`.
    ///
    /// @param fold of nothing yet
    synchronized String foldedTo(long watermark, EventFold fold) {
        for (ConsumerRecord<byte[], byte[]> event : events) {
            if (event.offset() >= watermark) {
                break;
            }
            fold.fold(event.value(), event.headers());
        }
        return fold.model().stateHash();
    }

    @Override
    public void close() {
        thread.close();
    }
}
