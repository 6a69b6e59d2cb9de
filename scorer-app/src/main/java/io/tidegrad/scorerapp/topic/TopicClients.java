package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.BoundedConsumer;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/// Creates the Kafka clients of a topic scorer. Only tests use others than Kafka's own.
interface TopicClients {
    TopicClients KAFKA = new TopicClients() {
    };

    default Admin admin(Map<String, Object> settings) {
        return Admin.create(settings);
    }

    default Consumer<byte[], byte[]> consumer(Map<String, Object> settings) {
        return new BoundedConsumer(settings);
    }

    /// @param beside consumer whose offsets it commits
    default Producer<byte[], byte[]> producer(Map<String, Object> settings, Consumer<byte[], byte[]> beside) {
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
