package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.settings.KafkaRules;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.producer.ProducerConfig;

/// Kafka's client settings of a topicScorer. They decide whether every request is answered once, and how long a process that
/// died holds its requests up: its session, and then its transaction, must have timed out.
final class TopicClientSettings {
    private static final Duration SESSION_TIMEOUT = Duration.ofSeconds(6);

    /// A transaction is open only while its records are written: a poll's worth.
    private static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(10);

    /// A commit that waits longer is given up, and what became of it is asked with new clients.
    private static final Duration BLOCK = Duration.ofSeconds(10);

    private static final int POLL_REQUESTS_MAX = 500;
    private static final int BATCH_BYTES = 256 * 1024;
    private static final long BUFFER_BYTES_MIN = 32L << 20; // Kafka's default
    private static final int REQUEST_ROOM_BYTES = 64 * 1024;

    private TopicClientSettings() {}

    static Map<String, Object> consumer(RequestsConfig config) {
        Map<String, Object> settings = new HashMap<>();
        settings.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, (int) SESSION_TIMEOUT.toMillis());
        settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, POLL_REQUESTS_MAX);
        settings.putAll(config.kafka().consumer());
        int session = Integer.parseInt(settings.get(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG).toString());
        settings.putIfAbsent(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, Math.max(1, session / 4));
        settings.put(CommonClientConfigs.CLIENT_ID_CONFIG, "tidegrad-scorer-requests");
        settings.put(ConsumerConfig.GROUP_ID_CONFIG, config.group());
        settings.put(ConsumerConfig.GROUP_PROTOCOL_CONFIG, "classic");
        // Who keeps a partition goes on with it while others change hands.
        settings.put(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, CooperativeStickyAssignor.class.getName());
        fix(settings, ConsumerConfig.ISOLATION_LEVEL_CONFIG);
        fix(settings, ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG);
        fix(settings, ConsumerConfig.AUTO_OFFSET_RESET_CONFIG);
        fix(settings, ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG);
        fix(settings, ConsumerConfig.CHECK_CRCS_CONFIG);
        return settings;
    }

    /// @param transactionalId of this process and no other
    /// @param recordBytes largest record that is sent
    static Map<String, Object> producer(RequestsConfig config, String transactionalId, int recordBytes) {
        Map<String, Object> settings = new HashMap<>();
        settings.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, (int) TRANSACTION_TIMEOUT.toMillis());
        settings.putAll(config.kafka().producer());
        long request = (long) recordBytes + REQUEST_ROOM_BYTES;
        settings.put(CommonClientConfigs.CLIENT_ID_CONFIG, "tidegrad-scorer-predictions");
        settings.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, transactionalId);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, BLOCK.toMillis());
        settings.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, (int) Math.min(request, Integer.MAX_VALUE));
        settings.put(ProducerConfig.BUFFER_MEMORY_CONFIG, Math.max(BUFFER_BYTES_MIN, 2 * request));
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, BATCH_BYTES);
        fix(settings, ProducerConfig.ACKS_CONFIG);
        fix(settings, ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG);
        return settings;
    }

    private static void fix(Map<String, Object> settings, String key) {
        KafkaRules.Fixed fixed = KafkaRules.FIXED.get(key);
        if (fixed == null) {
            throw new IllegalStateException("no rule for " + key);
        }
        settings.put(key, fixed.value());
    }
}
