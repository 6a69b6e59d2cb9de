package io.tidegrad.loadtests;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/// Kafka's clients as load tests need them: of bytes, with settings of their own beside the ones that all have.
public final class KafkaClients {
    private static final Duration WITHIN = Duration.ofSeconds(60);

    private KafkaClients() {}

    /// Reads what is committed, from the beginning of what it is assigned, and commits nothing itself.
    public static KafkaConsumer<byte[], byte[]> reader(String bootstrapServers, Map<String, Object> more) {
        Map<String, Object> settings = settings(bootstrapServers, Map.of("isolation.level", "read_committed",
                "auto.offset.reset", "earliest", "enable.auto.commit", false, "allow.auto.create.topics", false));
        settings.putAll(more);
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
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
