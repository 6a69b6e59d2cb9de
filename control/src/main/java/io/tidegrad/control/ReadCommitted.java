package io.tidegrad.control;

import io.tidegrad.schemas.BoundedConsumer;
import io.tidegrad.schemas.KafkaClients;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.jspecify.annotations.Nullable;

/// Looks something up in a topic, with a consumer of its own each time, which has no group and sees what is committed.
/// Tests extend this class to simulate time and topics.
public class ReadCommitted {
    private static final int READ_RECORDS_MAX = 2_048;
    private static final int READ_BYTES_MAX = 4 * 1024 * 1024;

    private final Map<String, Object> client;
    private final LongSupplier nanos;

    /// @param client the settings of every client, as `KafkaSettings.client` gives them
    public ReadCommitted(Map<String, Object> client) {
        this(client, System::nanoTime);
    }

    /// @param nanos the clock
    protected ReadCommitted(Map<String, Object> client, LongSupplier nanos) {
        this.client = Map.copyOf(client);
        this.nanos = nanos;
    }

    /// Returns the time by which callers measure how long they have waited.
    public long nanos() {
        return nanos.getAsLong();
    }

    /// @throws InvalidConfigurationException if no consumer can be made with these settings
    public Consumer<byte[], byte[]> open(TopicPartition partition) {
        return open(partition, "read_committed", Map.of());
    }

    /// Opens a consumer for reading a long stretch: Kafka's answers are few and large.
    public Consumer<byte[], byte[]> openToRead(TopicPartition partition) {
        return open(partition, "read_committed", Map.of(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, READ_RECORDS_MAX,
                ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, READ_BYTES_MAX));
    }

    /// Opens a consumer for following a topic as it grows: Kafka answers when something came, or after half a second.
    public Consumer<byte[], byte[]> openToFollow(TopicPartition partition) {
        return open(partition, "read_committed", Map.of(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 500));
    }

    /// @param isolation `read_uncommitted` only to learn that there is more than may be seen
    /// @param more settings of the consumer, which take precedence over the ones here
    protected Consumer<byte[], byte[]> open(TopicPartition partition, String isolation, Map<String, Object> more) {
        Map<String, Object> settings = settings(client, isolation, "none");
        // At the end of the log, where a look-up ends, a fetch would wait for Kafka's default of 500 ms.
        settings.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 10);
        settings.putAll(more);
        Consumer<byte[], byte[]> consumer = consumer(settings);
        consumer.assign(List.of(partition));
        return consumer;
    }

    /// Returns settings of a consumer without a group that creates no topic.
    ///
    /// @param reset what the consumer does if an offset is not there: `none` or `earliest`
    static Map<String, Object> settings(Map<String, Object> client, String isolation, String reset) {
        Map<String, Object> settings = new HashMap<>(client);
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, isolation);
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, reset);
        settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        return settings;
    }

    private static Consumer<byte[], byte[]> consumer(Map<String, Object> settings) {
        return KafkaClients.open(() -> new BoundedConsumer(settings));
    }

    /// Opens a consumer from which no open transaction hides a record: heartbeats and statuses are written outside of
    /// transactions.
    static Consumer<byte[], byte[]> uncommitted(KafkaSettings kafka) {
        return consumer(settings(kafka.client(), "read_uncommitted", "earliest"));
    }

    /// Returns the end of a partition, whatever transactions are open, or 0 if there is no such topic.
    static long mark(KafkaSettings kafka, TopicPartition partition) {
        try (Consumer<byte[], byte[]> consumer = uncommitted(kafka)) {
            return partitions(consumer, partition.topic()).isEmpty() ? 0 : end(consumer, partition);
        }
    }

    /// Returns the partitions of a topic, none if there is no such topic. A list of all topics would leave out those that
    /// ACLs hide, as if they did not exist.
    ///
    /// @throws TopicAuthorizationException if ACLs hide the topic
    public static List<PartitionInfo> partitions(Consumer<?, ?> consumer, String topic) {
        try {
            return consumer.partitionsFor(topic);
        } catch (TopicAuthorizationException e) {
            throw KafkaTopics.denied(AclOperation.DESCRIBE, topic);
        }
    }

    /// Returns the offset of the first record that is still there.
    public static long begin(Consumer<?, ?> consumer, TopicPartition partition) {
        return Objects.requireNonNull(consumer.beginningOffsets(List.of(partition)).get(partition));
    }

    /// Returns the offset after the last record that `consumer` may see now.
    public static long end(Consumer<?, ?> consumer, TopicPartition partition) {
        return Objects.requireNonNull(consumer.endOffsets(List.of(partition)).get(partition));
    }

    /// Returns the first record that is visible now from `from` on and below `to`, or null if there is none.
    @Nullable
    public ConsumerRecord<byte[], byte[]> firstBetween(TopicPartition partition, long from, long to) {
        try (Consumer<byte[], byte[]> consumer = open(partition)) {
            consumer.seek(partition, from);
            long end = Math.min(to, end(consumer, partition));
            while (consumer.position(partition) < end) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) {
                    return record.offset() < to ? record : null;
                }
            }
            return null;
        }
    }

    /// Returns whether a transaction is open in the partition, which hides all records from its first one on.
    public boolean hasOpenTransaction(TopicPartition partition) {
        try (Consumer<byte[], byte[]> committed = open(partition);
                Consumer<byte[], byte[]> all = open(partition, "read_uncommitted", Map.of())) {
            return end(committed, partition) < end(all, partition);
        }
    }

    /// Returns the first record visible at or after `offset`, or null if none comes within `patience`.
    @Nullable
    public ConsumerRecord<byte[], byte[]> first(TopicPartition partition, long offset, Duration patience) {
        try (Consumer<byte[], byte[]> consumer = open(partition)) {
            consumer.seek(partition, offset);
            long deadline = nanos() + patience.toNanos();
            do {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) {
                    return record;
                }
            } while (nanos() - deadline < 0);
            return null;
        }
    }
}
