package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.TopicConfig;

/// A snapshots topic and its writer: each snapshot in a transaction of its own, as a trainer's commit.
final class SnapshotTopic implements AutoCloseable {
    private final String topic;
    private final KafkaProducer<byte[], byte[]> producer;

    /// @param topic that is not there yet
    SnapshotTopic(String bootstrapServers, String topic) throws InterruptedException {
        this.topic = topic;
        TopicCreation.onePartition(bootstrapServers, topic,
                Map.of(TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_COMPACT));
        producer = KafkaClients.writer(bootstrapServers,
                Map.of("transactional.id", topic, "max.request.size", 2 * 1024 * 1024));
        producer.initTransactions();
    }

    /// Whether a thread of that name, as Linux cuts it, sends what is written.
    static boolean isSender(String thread) {
        return thread.startsWith("kafka-producer");
    }

    String name() {
        return topic;
    }

    void write(PublishedSnapshot snapshot) {
        producer.beginTransaction();
        snapshot.records().forEach(record -> producer.send(new ProducerRecord<>(topic, record.key(), record.value())));
        producer.commitTransaction();
    }

    @Override
    public void close() {
        producer.close();
    }
}
