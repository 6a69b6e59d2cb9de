package io.tidegrad.loadtests;

import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Reads a snapshots topic as any read_committed consumer does, and notes when a manifest is first there: its
/// transaction, the trainer's commit, has ended and its marker is written.
final class SnapshotWatch implements AutoCloseable {
    private final Seen published = new Seen();
    private final Background thread;
    private volatile long bytes;

    SnapshotWatch(String bootstrapServers, String topic) {
        KafkaConsumer<byte[], byte[]> consumer = KafkaClients.reader(bootstrapServers, Map.of());
        consumer.assign(List.of(new TopicPartition(topic, 0)));
        thread = Background.start("snapshot-watch", self -> watch(consumer, self));
    }

    private void watch(KafkaConsumer<byte[], byte @Nullable []> consumer, Background self) {
        try (consumer) {
            long read = 0;
            while (!self.isClosed()) {
                for (ConsumerRecord<byte[], byte @Nullable []> record : consumer.poll(Duration.ofMillis(200))) {
                    long now = System.nanoTime();
                    byte[] value = record.value();
                    if (value == null) {
                        continue;
                    }
                    read += value.length;
                    if (SnapshotKey.decode(record.key()).kind() == SnapshotKey.Kind.MANIFEST) {
                        published.add(SnapshotManifest.decode(value).nextOffset(), now);
                    }
                }
                bytes = read;
            }
        }
    }

    Seen published() {
        return published;
    }

    /// Of all snapshots so far.
    long bytes() {
        return bytes;
    }

    /// @throws LoadTestException the topic can't be read
    void requireHealthy() {
        thread.requireHealthy("can't read the snapshots");
    }

    @Override
    public void close() {
        thread.close();
    }
}
