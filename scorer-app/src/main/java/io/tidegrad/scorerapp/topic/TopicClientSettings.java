package io.tidegrad.scorerapp.topic;

import io.tidegrad.ops.settings.KafkaRules;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.producer.ProducerConfig;

/// Kafka client settings of a topic scorer. They decide whether every request is answered exactly once, and for how
/// long the requests of a process that died must wait: until its session and then its transaction have timed out.
final class TopicClientSettings {
    private static final Duration SESSION_TIMEOUT = Duration.ofSeconds(6);

    /// A transaction is open only while the records of one poll are written.
    private static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(10);

    /// If a commit takes longer, it is given up, and new clients find out what became of it.
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
        // A process continues with the partitions that it keeps while others are reassigned.
        settings.put(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, CooperativeStickyAssignor.class.getName());
        fix(settings, ConsumerConfig.ISOLATION_LEVEL_CONFIG);
        fix(settings, ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG);
        fix(settings, ConsumerConfig.AUTO_OFFSET_RESET_CONFIG);
        fix(settings, ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG);
        fix(settings, ConsumerConfig.CHECK_CRCS_CONFIG);
        return settings;
    }

    /// @param transactionalId transactional id of this process only
    /// @param recordBytes size of the largest record that is sent
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
