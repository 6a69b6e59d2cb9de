package io.tidegrad.loadtests;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/// Kafka's clients for load tests: of bytes, with further settings.
public final class KafkaClients {
    private static final Duration WITHIN = Duration.ofSeconds(60);
    private static final Duration POLL = Duration.ofMillis(100);

    private KafkaClients() {}

    /// Reads committed records from the beginning of the assigned partitions, and commits no offsets.
    public static KafkaConsumer<byte[], byte[]> reader(String bootstrapServers, Map<String, Object> more) {
        Map<String, Object> settings = settings(bootstrapServers, Map.of("isolation.level", "read_committed",
                "auto.offset.reset", "earliest", "enable.auto.commit", false, "allow.auto.create.topics", false));
        settings.putAll(more);
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /// Likewise, with its partitions.
    public static KafkaConsumer<byte[], byte[]> reader(String bootstrapServers, Map<String, Object> more,
            List<TopicPartition> partitions) {
        KafkaConsumer<byte[], byte[]> consumer = reader(bootstrapServers, more);
        consumer.assign(partitions);
        return consumer;
    }

    /// Takes what a poll of a tail brought.
    @FunctionalInterface
    public interface Take {
        void take(KafkaConsumer<byte[], byte[]> consumer, ConsumerRecords<byte[], byte[]> records);
    }

    /// Reads partitions on a thread of its own as they are written, before compaction deletes anything.
    public static Background tail(String name, String bootstrapServers, Map<String, Object> more,
            List<TopicPartition> partitions, Take take) {
        return Background.start(name, self -> {
            try (KafkaConsumer<byte[], byte[]> consumer = reader(bootstrapServers, more, partitions)) {
                partitions.forEach(partition -> consumer.seek(partition, 0));
                while (!self.isClosed()) {
                    take.take(consumer, consumer.poll(POLL));
                }
            }
        });
    }

    public static KafkaProducer<byte[], byte @Nullable []> writer(String bootstrapServers, Map<String, Object> more) {
        return new KafkaProducer<>(settings(bootstrapServers, more), new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    public static Admin admin(String bootstrapServers, Map<String, Object> more) {
        return Admin.create(settings(bootstrapServers, more));
    }

    private static Map<String, Object> settings(String bootstrapServers, Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(more);
        settings.put("bootstrap.servers", bootstrapServers);
        return settings;
    }

    /// What a header says; empty if there is none.
    public static String header(ConsumerRecord<?, ?> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null ? "" : new String(header.value(), StandardCharsets.UTF_8);
    }

    /// The answer of an admin client.
    ///
    /// @throws LoadTestException Kafka refused, or did not answer within a minute
    public static <T> T answer(KafkaFuture<T> question) throws InterruptedException {
        try {
            return question.get(WITHIN.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw new LoadTestException("Kafka: " + e.getCause(), e);
        } catch (TimeoutException e) {
            throw new LoadTestException("Kafka did not answer within " + WITHIN.toSeconds() + " s", e);
        }
    }
}
