package io.tidegrad.trainer;

import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.StreamsConfig;

/// The settings of Kafka Streams for one model. They decide whether weights survive, and how long a restart takes:
///
/// - A stable identity (`group.instance.id`, and the process id that Streams keeps in the state directory) lets a
///   restarted trainer take its partition and end its dead predecessor's transaction at once, in about 2 seconds.
///   Streams' defaults take 43, because the group waits for the dead member's session, and the log for its transaction.
/// - The group protocol is the classic one, because the streams protocol has no static membership yet.
/// - The timeouts of session and transaction are short, because they bound a fail-over to another instance.
final class StreamsSettings {
    static final Duration SESSION_TIMEOUT = Duration.ofSeconds(6);
    static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(10);

    /// A model that is kept as image and redo learns before its first poll. A trainer that dies meanwhile is noticed
    /// because its session ends.
    private static final Duration LONG_START = Duration.ofHours(6);

    private static final long COMMIT_MILLIS_MIN = 100;

    private static final int FLUSH_SHARE = 4;

    /// Two cores commit about 130 transactions a second for all models together.
    private static final long COMMIT_MILLIS_PER_MODEL = 10;

    /// The learning thread of a trainer that catches up reads the network between two polls. Few large answers, in a
    /// socket buffer that grows with them, keep it from waiting for many small ones.
    private static final int FETCH_BYTES_MAX = 4 * 1024 * 1024;

    private static final int SYSTEM_BUFFER = -1;

    private static final int POLL_EVENTS_MAX = 2_048;

    /// Streams reads on while it holds no more bursts than this, which are some thousand events.
    private static final int BUFFERED_BURSTS = 16;

    /// The pages of a commit go to one partition, and a request carries one batch of it. At Kafka's default of 16 KiB,
    /// 330 KiB of pages were 21 requests, five at a time. This is less than a batch in our topics may have.
    private static final int BATCH_BYTES = 512 * 1024;

    private static final long BUFFER_BYTES_MIN = 32L << 20; // Kafka's default

    private StreamsSettings() {}

    /// Returns the shortest commit interval. Unless it is set, all models of this process together stay below what
    /// brokers can commit.
    static Duration commitIntervalMin(KafkaSettings kafka, int models) {
        return given(kafka, StreamsConfig.COMMIT_INTERVAL_MS_CONFIG,
                Duration.ofMillis(Math.max(COMMIT_MILLIS_MIN, models * COMMIT_MILLIS_PER_MODEL)));
    }

    /// Returns the longest commit interval, at which Streams commits by itself. Unless it is set, it is long enough for
    /// a commit of the whole model, but no longer than a quarter of the transaction timeout, and that quarter if models
    /// may be added later. Between the shortest and the longest interval the store asks for a commit when enough has
    /// changed. The longest interval is fixed when a model starts, as the transaction timeout is.
    ///
    /// @param bytesPerSecond the most bytes that are written to the changelog in a second
    /// @param more whether models may be added later
    static Duration commitIntervalMax(KafkaSettings kafka, long modelBytes, long bytesPerSecond, int models,
            boolean more) {
        Duration min = commitIntervalMin(kafka, models);
        if (kafka.get(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG) != null) {
            return min;
        }
        long longest =
                given(kafka, ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, TRANSACTION_TIMEOUT).toMillis() / FLUSH_SHARE;
        long forBytes = modelBytes * 1_000 / bytesPerSecond;
        return Duration.ofMillis(Math.max(min.toMillis(), more ? longest : Math.min(forBytes, longest)));
    }

    /// Returns the transaction timeout. Unless it is set, it is long enough for four commits.
    ///
    /// @throws TrainerException if it is set and too short for one
    static Duration transactionTimeout(KafkaSettings kafka, Duration commitInterval) {
        Duration needed = commitInterval.multipliedBy(4);
        Duration timeout = given(kafka, ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
                needed.compareTo(TRANSACTION_TIMEOUT) > 0 ? needed : TRANSACTION_TIMEOUT);
        if (timeout.compareTo(commitInterval) < 0) {
            throw new TrainerException(ExitCode.CONFIGURATION,
                    "kafka.transaction.timeout.ms: expected at least the commit interval of "
                            + commitInterval.toMillis() + " ms, found " + timeout.toMillis()
                            + ": every transaction would be aborted before it could commit; raise it, or leave it out");
        }
        return timeout;
    }

    static Duration sessionTimeout(KafkaSettings kafka) {
        return given(kafka, ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, SESSION_TIMEOUT);
    }

    private static Duration given(KafkaSettings kafka, String key, Duration otherwise) {
        String given = kafka.get(key);
        return given == null ? otherwise : Duration.ofMillis(Long.parseLong(given));
    }

    /// Returns the heartbeat interval. Unless it is set, there are four in a session.
    ///
    /// @throws TrainerException if it is set and not shorter than a session
    private static Duration heartbeatInterval(KafkaSettings kafka) {
        Duration session = sessionTimeout(kafka);
        Duration interval = given(kafka, ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, session.dividedBy(4));
        if (interval.compareTo(session) >= 0) {
            throw new TrainerException(ExitCode.CONFIGURATION,
                    "kafka.heartbeat.interval.ms: expected less than the session timeout of " + session.toMillis()
                            + " ms, found " + interval.toMillis()
                            + ": the group would take every trainer for dead; lower it, or leave it out");
        }
        return interval;
    }

    /// @param longStarts whether a start may learn for minutes before it polls
    /// @param standbyReplicas how many other instances keep a copy of the model
    /// @param requestBytesMax the largest request of the producer
    static Map<String, Object> of(String applicationId, Path stateDir, String instanceId, KafkaSettings kafka,
            Duration commitInterval, boolean longStarts, int standbyReplicas, int requestBytesMax) {
        Map<String, Object> client = kafka.client();
        Map<String, Object> settings = new HashMap<>(client);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, applicationId);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, stateDir.toString());
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, "classic");
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, standbyReplicas);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, commitInterval.toMillis());
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0L);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, BUFFERED_BURSTS);

        consumer(settings, ConsumerConfig.GROUP_INSTANCE_ID_CONFIG, instanceId);
        consumer(settings, ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, sessionTimeout(kafka).toMillis());
        consumer(settings, ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, heartbeatInterval(kafka).toMillis());
        consumer(settings, ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        consumer(settings, ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, "false");
        consumer(settings, ConsumerConfig.MAX_POLL_RECORDS_CONFIG, POLL_EVENTS_MAX);
        consumer(settings, ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, FETCH_BYTES_MAX);
        consumer(settings, ConsumerConfig.RECEIVE_BUFFER_CONFIG, SYSTEM_BUFFER);
        if (longStarts) {
            consumer(settings, ConsumerConfig.MAX_POLL_INTERVAL_MS_CONFIG, LONG_START.toMillis());
        }

        producer(settings, ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
                transactionTimeout(kafka, commitInterval).toMillis());
        producer(settings, ProducerConfig.MAX_REQUEST_SIZE_CONFIG, requestBytesMax);
        // A record larger than the producer's buffer would be refused, however large a request may be.
        producer(settings, ProducerConfig.BUFFER_MEMORY_CONFIG, Math.max(BUFFER_BYTES_MIN, 2L * requestBytesMax));
        producer(settings, ProducerConfig.BATCH_SIZE_CONFIG, BATCH_BYTES);

        kafka.consumer().forEach((key, value) -> {
            if (!client.containsKey(key)) {
                consumer(settings, key, value);
            }
        });
        return settings;
    }

    private static void consumer(Map<String, Object> settings, String key, Object value) {
        settings.put(StreamsConfig.mainConsumerPrefix(key), value.toString());
    }

    private static void producer(Map<String, Object> settings, String key, Object value) {
        settings.put(StreamsConfig.producerPrefix(key), value.toString());
    }
}
