package io.tidegrad.cli.quickstart;

import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/// How many snapshots a model has published, counted on the topic itself: committed manifests, one a version.
final class SnapshotsTopic {
    private SnapshotsTopic() {}

    static long published(String bootstrapServers, String model) {
        TopicPartition partition = new TopicPartition(Topics.DEFAULT.snapshots(model), 0);
        Set<SnapshotKey> manifests = new HashSet<>();
        try (Consumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        Map.of(
                                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                                bootstrapServers,
                                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                                IsolationLevel.READ_COMMITTED.toString()),
                        new ByteArrayDeserializer(),
                        new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).getOrDefault(partition, 0L);
            while (consumer.position(partition) < end) {
                for (ConsumerRecord<byte[], byte[]> record :
                        consumer.poll(Duration.ofMillis(200))) {
                    SnapshotKey key = SnapshotKey.decode(record.key());
                    // Without a value it is the tombstone of a snapshot that was superseded.
                    if (key.kind() == SnapshotKey.Kind.MANIFEST && record.value() != null) {
                        manifests.add(key);
                    }
                }
            }
        }
        return manifests.size();
    }
}
