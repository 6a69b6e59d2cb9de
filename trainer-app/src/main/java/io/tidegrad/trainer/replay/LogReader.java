package io.tidegrad.trainer.replay;

import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.store.ReadCommitted;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/// Reads a log of record as fast as it comes, in order: no group, nothing is written.
public final class LogReader implements AutoCloseable {
    private static final int POLL_RECORDS_MAX = 10_000;

    private final TopicPartition log;
    private final KafkaConsumer<byte[], byte[]> consumer;

    public LogReader(KafkaSettings kafka, String topic) {
        log = new TopicPartition(topic, 0);
        Map<String, Object> settings = new HashMap<>(kafka.client());
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, POLL_RECORDS_MAX);
        settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 8 * 1024 * 1024);
        consumer =
                new KafkaConsumer<>(
                        settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        consumer.assign(List.of(log));
    }

    public TopicPartition log() {
        return log;
    }

    /// One past the last record that is visible now.
    public long end() {
        return ReadCommitted.end(consumer, log);
    }

    /// Hands over every visible record from offset `from` on, up to `end` (exclusive), while `goesOn` says so.
    ///
    /// @throws org.apache.kafka.clients.consumer.OffsetOutOfRangeException the log begins later
    public void read(long from, long end, Predicate<ConsumerRecord<byte[], byte[]>> goesOn) {
        consumer.seek(log, from);
        while (consumer.position(log) < end) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
                if (record.offset() >= end || !goesOn.test(record)) {
                    return;
                }
            }
        }
    }

    @Override
    public void close() {
        consumer.close();
    }
}
