package io.tidegrad.scorerapp.topic;

import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/// A topic scorer's clients that send offsets in a way of their own; two with a mistake of `Breaker`.
enum BrokenClients implements TopicClients {
    /// `COMMITS_REQUESTS_OUTSIDE_THE_TRANSACTION`.
    OFFSETS_OUTSIDE {
        @Override
        void send(Sending producer, Consumer<byte[], byte[]> consumer, Map<TopicPartition, OffsetAndMetadata> offsets,
                ConsumerGroupMetadata group) {
            consumer.commitSync(offsets);
        }
    },

    /// `FENCES_NO_TOPIC_SCORER`.
    NO_GENERATION {
        @SuppressWarnings({"deprecation", "removal"}) // Kafka warns of just this mistake.
        @Override
        void send(Sending producer, Consumer<byte[], byte[]> consumer, Map<TopicPartition, OffsetAndMetadata> offsets,
                ConsumerGroupMetadata group) {
            producer.inTransaction(offsets, new ConsumerGroupMetadata(group.groupId()));
        }
    },

    /// No mistake: every third transaction fails, with its answers written.
    FAILING {
        @Override
        void send(Sending producer, Consumer<byte[], byte[]> consumer, Map<TopicPartition, OffsetAndMetadata> offsets,
                ConsumerGroupMetadata group) {
            producer.flush();
            if (++producer.transactions % 3 == 1) {
                throw new KafkaException("as tested");
            }
            producer.inTransaction(offsets, group);
        }
    };

    abstract void send(Sending producer, Consumer<byte[], byte[]> consumer,
            Map<TopicPartition, OffsetAndMetadata> offsets, ConsumerGroupMetadata group);

    @Override
    public Admin admin(Map<String, Object> settings) {
        return KAFKA.admin(settings);
    }

    @Override
    public Consumer<byte[], byte[]> consumer(Map<String, Object> settings) {
        return KAFKA.consumer(settings);
    }

    @Override
    public Producer<byte[], byte[]> producer(Map<String, Object> settings, Consumer<byte[], byte[]> beside) {
        return new Sending(this, settings, beside);
    }

    static final class Sending extends KafkaProducer<byte[], byte[]> {
        private final BrokenClients broken;
        private final Consumer<byte[], byte[]> consumer;
        private int transactions;

        Sending(BrokenClients broken, Map<String, Object> settings, Consumer<byte[], byte[]> consumer) {
            super(settings, new ByteArraySerializer(), new ByteArraySerializer());
            this.broken = broken;
            this.consumer = consumer;
        }

        void inTransaction(Map<TopicPartition, OffsetAndMetadata> offsets, ConsumerGroupMetadata group) {
            super.sendOffsetsToTransaction(offsets, group);
        }

        @Override
        public void sendOffsetsToTransaction(Map<TopicPartition, OffsetAndMetadata> offsets,
                ConsumerGroupMetadata group) {
            broken.send(this, consumer, offsets, group);
        }
    }
}
