package io.tidegrad.joiner.app;

import static io.tidegrad.process.StreamsClients.consumer;
import static io.tidegrad.process.StreamsClients.producer;

import io.tidegrad.joiner.topology.BoundedRocksDb;
import io.tidegrad.process.StreamsClients;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.streams.StreamsConfig;

/// The settings of Kafka Streams for one stream.
final class JoinStreams {
    /// An open transaction hides what comes after it in the examples from all who learn, so it is short.
    private static final Duration COMMIT_INTERVAL = Duration.ofMillis(100);

    /// While a joiner is far behind.
    private static final Duration COMMIT_INTERVAL_FAR_BEHIND = Duration.ofSeconds(1);

    private static final int POLL_RECORDS_MAX = 1_000;

    /// All joiners wait in a rebalance for a thread that still sends heartbeats and asks for no records, which Kafka lets it do
    /// for 5 minutes. While Kafka answers, a thread asks again within a second or so, or when a record has waited for its schema,
    /// which is less than a transaction may take.
    private static final Duration POLL_WITHIN = Duration.ofSeconds(60);

    /// Records of a partition in a task's queue above which no more are asked for. Those of the repartition topic have 16 KiB:
    /// with a fetch on top, 34 MB wait of six partitions.
    private static final int QUEUED_RECORDS_MAX = 100;

    private static final int FETCH_BYTES_MAX = 4 * 1024 * 1024;

    /// A broker answers a connection's requests in turn: where a partition ends is told after a fetch that finds nothing.
    private static final int FETCH_WAIT_MILLIS = 100;
    private static final int BATCH_BYTES = 128 * 1024;
    private static final long BUFFER_BYTES_MIN = 64L << 20;

    /// Headers of examples repeat each other: a broker writes 105 bytes of an event of 129 in place of 275, and joiner and broker
    /// need no more CPU time for it (docs/benchmarks.md).
    private static final String COMPRESSION = "lz4";

    private JoinStreams() {}

    static Duration commitInterval(KafkaSettings kafka) {
        return StreamsClients.given(kafka, StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_INTERVAL);
    }

    /// Returns the longest time between two commits. With several threads it is the same: a thread goes on by what another
    /// has taken, and the join's time with it, while that waits in the other's transaction.
    static Duration commitIntervalMax(JoinerConfig config) {
        Duration interval = commitInterval(config.kafka());
        return config.threads() > 1 || interval.compareTo(COMMIT_INTERVAL_FAR_BEHIND) > 0 ? interval
                : COMMIT_INTERVAL_FAR_BEHIND;
    }

    /// @param recordBytesMax the most that a record of our own topics takes
    static Map<String, Object> of(String applicationId, Path stateDir, String instanceId, JoinerConfig config,
            int recordBytesMax) {
        KafkaSettings kafka = config.kafka();
        Map<String, Object> settings = StreamsClients.common(applicationId, stateDir, instanceId, kafka,
                commitIntervalMax(config), config.standbyReplicas());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, config.threads());
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, QUEUED_RECORDS_MAX);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, (int) config.replication());
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0L); // an id comes again seldom before a commit
        settings.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedRocksDb.class);
        settings.put(StreamsConfig.topicPrefix(TopicConfig.MAX_MESSAGE_BYTES_CONFIG), Integer.toString(recordBytesMax));
        // An event's time may be a day ahead of the broker's clock, and the records of our topics have it.
        settings.put(StreamsConfig.topicPrefix(TopicConfig.MESSAGE_TIMESTAMP_AFTER_MAX_MS_CONFIG),
                Long.toString(Duration.ofDays(3).toMillis()));
        consumer(settings, ConsumerConfig.MAX_POLL_RECORDS_CONFIG, POLL_RECORDS_MAX);
        consumer(settings, ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, FETCH_BYTES_MAX);
        consumer(settings, ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, FETCH_WAIT_MILLIS);
        long transaction = StreamsClients.transactionTimeout(kafka, commitIntervalMax(config)).toMillis();
        consumer(settings, ConsumerConfig.MAX_POLL_INTERVAL_MS_CONFIG,
                (int) Math.min(Integer.MAX_VALUE, Math.max(POLL_WITHIN.toMillis(), 4 * transaction)));
        producer(settings, ProducerConfig.MAX_REQUEST_SIZE_CONFIG, recordBytesMax);
        producer(settings, ProducerConfig.BUFFER_MEMORY_CONFIG, Math.max(BUFFER_BYTES_MIN, 2L * recordBytesMax));
        producer(settings, ProducerConfig.BATCH_SIZE_CONFIG, BATCH_BYTES);
        producer(settings, ProducerConfig.COMPRESSION_TYPE_CONFIG, COMPRESSION);
        StreamsClients.addGiven(kafka, settings);
        return settings;
    }
}
