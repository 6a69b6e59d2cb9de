package io.tidegrad.trainer;

import static io.tidegrad.process.StreamsClients.TRANSACTION_TIMEOUT;
import static io.tidegrad.process.StreamsClients.consumer;
import static io.tidegrad.process.StreamsClients.given;
import static io.tidegrad.process.StreamsClients.producer;

import io.tidegrad.process.StreamsClients;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.StreamsConfig;

/// The settings of Kafka Streams for one model: what `StreamsClients` has, and how often a trainer commits, how it reads
/// and how large its requests may be.
final class StreamsSettings {
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

    /// Between two polls nothing lies prepared, so that the learning thread prepares the first events of each itself. With
    /// 2,048 events it did so with 7 % of its time, on flights at mini-batch 32.
    private static final int POLL_EVENTS_MAX = 8_192;

    /// Streams reads on while it holds no more bursts than this, which are a thousand events or 16 MiB.
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

    /// Returns the longest commit interval, at which Streams commits by itself. Unless it is set, it is a quarter of the
    /// transaction timeout. Between the shortest and the longest interval the store asks for a commit when enough was
    /// learned, or events have waited for long enough. The longest interval is fixed when a model starts, as the
    /// transaction timeout is.
    static Duration commitIntervalMax(KafkaSettings kafka, int models) {
        Duration min = commitIntervalMin(kafka, models);
        if (kafka.get(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG) != null) {
            return min;
        }
        long longest =
                given(kafka, ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, TRANSACTION_TIMEOUT).toMillis() / FLUSH_SHARE;
        return Duration.ofMillis(Math.max(min.toMillis(), longest));
    }

    /// @param longStarts whether a start may learn for minutes before it polls
    /// @param standbyReplicas how many other instances keep a copy of the model
    /// @param requestBytesMax the largest request of the producer
    static Map<String, Object> of(String applicationId, Path stateDir, String instanceId, KafkaSettings kafka,
            Duration commitInterval, boolean longStarts, int standbyReplicas, int requestBytesMax) {
        Map<String, Object> settings =
                StreamsClients.common(applicationId, stateDir, instanceId, kafka, commitInterval, standbyReplicas);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0L);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, BUFFERED_BURSTS);

        consumer(settings, ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        consumer(settings, ConsumerConfig.MAX_POLL_RECORDS_CONFIG, POLL_EVENTS_MAX);
        consumer(settings, ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, FETCH_BYTES_MAX);
        consumer(settings, ConsumerConfig.RECEIVE_BUFFER_CONFIG, SYSTEM_BUFFER);
        if (longStarts) {
            consumer(settings, ConsumerConfig.MAX_POLL_INTERVAL_MS_CONFIG, LONG_START.toMillis());
        }

        producer(settings, ProducerConfig.MAX_REQUEST_SIZE_CONFIG, requestBytesMax);
        // A record larger than the producer's buffer would be refused, however large a request may be.
        producer(settings, ProducerConfig.BUFFER_MEMORY_CONFIG, Math.max(BUFFER_BYTES_MIN, 2L * requestBytesMax));
        producer(settings, ProducerConfig.BATCH_SIZE_CONFIG, BATCH_BYTES);

        StreamsClients.addGiven(kafka, settings);
        return settings;
    }
}
