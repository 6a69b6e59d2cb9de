package io.tidegrad.loadtests;

import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/// Reads a snapshots topic as any read_committed consumer does, and notes when a manifest is first there: its
/// transaction, the trainer's commit, has ended and its marker is written.
final class SnapshotWatch implements AutoCloseable {
    private final Seen published = new Seen();
    private final KafkaConsumer<byte[], byte @Nullable []> consumer;
    private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
    private final Thread thread;
    private volatile boolean closed;
    private volatile long bytes;

    SnapshotWatch(String bootstrapServers, String topic) {
        consumer = new KafkaConsumer<>(
                Map.of(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers, ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                        "read_committed", ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false,
                        ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest"),
                new ByteArrayDeserializer(), new ByteArrayDeserializer());
        consumer.assign(List.of(new TopicPartition(topic, 0)));
        thread = Thread.ofPlatform().daemon().name("snapshot-watch").start(this::watch);
    }

    private void watch() {
        try (consumer) {
            long read = 0;
            while (!closed) {
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
        } catch (InterruptException e) {
            return; // closed
        } catch (RuntimeException e) {
            failure.compareAndSet(null, e);
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
        Exception e = failure.get();
        if (e != null) {
            throw new LoadTestException("can't read the snapshots: " + e, e);
        }
    }

    @Override
    public void close() {
        closed = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
