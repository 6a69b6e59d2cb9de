package io.tidegrad.loadtests;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Reads a trainer's changelog as it is written, before compaction deletes anything, and counts the bytes of keys and
/// values.
final class ChangelogWatch implements AutoCloseable {
    private final Background thread;
    private volatile long bytes;

    ChangelogWatch(String bootstrapServers, String topic) {
        KafkaConsumer<byte[], byte[]> consumer = KafkaClients.reader(bootstrapServers, Map.of());
        TopicPartition partition = new TopicPartition(topic, 0);
        consumer.assign(List.of(partition));
        consumer.seekToBeginning(List.of(partition));
        thread = Background.start("changelog-watch", self -> watch(consumer, self));
    }

    private void watch(KafkaConsumer<byte[], byte @Nullable []> consumer, Background self) {
        try (consumer) {
            long read = 0;
            while (!self.isClosed()) {
                for (ConsumerRecord<byte[], byte @Nullable []> record : consumer.poll(Duration.ofMillis(200))) {
                    read += record.serializedKeySize() + Math.max(0, record.serializedValueSize());
                }
                bytes = read;
            }
        }
    }

    /// Of all committed records so far.
    long bytes() {
        return bytes;
    }

    /// @throws LoadTestException the topic can't be read
    void requireHealthy() {
        thread.requireHealthy("can't read the changelog");
    }

    @Override
    public void close() {
        thread.close();
    }
}
