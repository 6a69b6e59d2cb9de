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

/// Kafka Streams' settings for one model. They decide whether weights survive, and how long a restart takes:
///
/// - A stable identity (`group.instance.id`, and the process id that Streams keeps in the state directory) lets a
///   restarted trainer take its partition and end its dead predecessor's transaction at once: about 2 seconds. With
///   Streams' defaults it is 43: the group waits for the dead member's session, the log for its transaction.
/// - The classic group protocol: static membership is not there yet in the streams protocol.
/// - Session and transaction timeouts bound a fail-over to another instance; both are short.
final class StreamsSettings {
    static final Duration SESSION_TIMEOUT = Duration.ofSeconds(6);
    static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(10);

    /// A model that is learned again from an image does so before its first poll. A trainer that dies meanwhile is
    /// noticed all the same: its session ends.
    private static final Duration LONG_START = Duration.ofHours(6);

    private static final long COMMIT_MILLIS_MIN = 100;

    /// A flush may take this part of the transaction timeout.
    private static final int FLUSH_SHARE = 4;

    /// Two cores do about 130 transactions a second, all models together.
    private static final long COMMIT_MILLIS_PER_MODEL = 10;

    /// A catching-up trainer's learning thread reads the network itself, between two polls: few large answers, in a
    /// socket buffer that grows with them, keep it from waiting for many small ones.
    private static final int FETCH_BYTES_MAX = 4 * 1024 * 1024;

    private static final int SYSTEM_BUFFER = -1;

    /// Also the most that is copied out of an answer at a time.
    private static final int POLL_EVENTS_MAX = 2_048;

    /// Streams reads on while it holds no more than this: some thousand events.
    private static final int BUFFERED_BURSTS = 16;

    /// A commit's pages go to one partition, and a request carries one batch of it: at Kafka's default of 16 KiB, 330
    /// KiB of pages were 21 requests, five at a time, which the commit waits for. Below what our topics allow a batch.
    private static final int BATCH_BYTES = 512 * 1024;

    private static final long BUFFER_BYTES_MIN = 32L << 20; // Kafka's default

    private StreamsSettings() {}

    /// The shortest commit interval: unless given, long enough that all models of this process together stay below what
    /// brokers commit.
    static Duration commitIntervalMin(KafkaSettings kafka, int models) {
        String given = kafka.get(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG);
        return Duration.ofMillis(
                given == null ? Math.max(COMMIT_MILLIS_MIN, models * COMMIT_MILLIS_PER_MODEL) : Long.parseLong(given));
    }

    /// The longest commit interval, at which Streams commits by itself: unless given, long enough for the whole model,
    /// the most that a commit can log, but no longer than a quarter of the transaction timeout; where models may come
    /// later, that quarter. Between the two the store asks for a commit when what has changed since the last one is
    /// worth it, and as often as the models that there are by then allow. Fixed when a model starts, as the transaction
    /// timeout is.
    ///
    /// @param bytesPerSecond to the changelog, at most
    /// @param more whether models may come later
    static Duration commitIntervalMax(KafkaSettings kafka, long modelBytes, long bytesPerSecond, int models,
            boolean more) {
        Duration min = commitIntervalMin(kafka, models);
        if (kafka.get(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG) != null) {
            return min;
        }
        String given = kafka.get(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG);
        long timeout = given == null ? TRANSACTION_TIMEOUT.toMillis() : Long.parseLong(given);
        long longest = timeout / FLUSH_SHARE;
        long forBytes = modelBytes * 1_000 / bytesPerSecond;
        return Duration.ofMillis(Math.max(min.toMillis(), more ? longest : Math.min(forBytes, longest)));
    }

    /// Unless given, long enough for four commits.
    ///
    /// @throws TrainerException too short for one
    static Duration transactionTimeout(KafkaSettings kafka, Duration commitInterval) {
        String given = kafka.get(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG);
        if (given != null) {
            Duration timeout = Duration.ofMillis(Long.parseLong(given));
            if (timeout.compareTo(commitInterval) < 0) {
                throw new TrainerException(ExitCode.CONFIGURATION,
                        "kafka.transaction.timeout.ms: expected at least the commit interval of "
                                + commitInterval.toMillis() + " ms, found " + given
                                + ": every transaction would be aborted before it could commit; raise it, or leave it out");
            }
            return timeout;
        }
        Duration needed = commitInterval.multipliedBy(4);
        return needed.compareTo(TRANSACTION_TIMEOUT) > 0 ? needed : TRANSACTION_TIMEOUT;
    }

    static Duration sessionTimeout(KafkaSettings kafka) {
        String given = kafka.get(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG);
        return given == null ? SESSION_TIMEOUT : Duration.ofMillis(Long.parseLong(given));
    }

    /// Unless given, four in a session.
    ///
    /// @throws TrainerException none in a session
    private static Duration heartbeatInterval(KafkaSettings kafka) {
        Duration session = sessionTimeout(kafka);
        String given = kafka.get(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG);
        if (given == null) {
            return session.dividedBy(4);
        }
        Duration interval = Duration.ofMillis(Long.parseLong(given));
        if (interval.compareTo(session) >= 0) {
            throw new TrainerException(ExitCode.CONFIGURATION,
                    "kafka.heartbeat.interval.ms: expected less than the session timeout of " + session.toMillis()
                            + " ms, found " + given
                            + ": the group would take every trainer for dead; lower it, or leave it out");
        }
        return interval;
    }

    /// @param longStarts whether a start may learn for minutes before it polls
    /// @param standbyReplicas of each model, in other instances
    /// @param requestBytesMax of the producer
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
        // A record larger than the producer's buffer would be refused, however large a request may
        // be.
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
