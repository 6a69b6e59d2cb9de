package io.tidegrad.control;

import io.tidegrad.schemas.KafkaClients;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/// Private read_committed consumers for looking something up: no group, short fetches. The trainer believes the topics
/// more than its own memory. Not final: simulated time and topics in tests.
public class ReadCommitted {
    private static final int READ_RECORDS_MAX = 2_048;
    private static final int READ_BYTES_MAX = 4 * 1024 * 1024;

    private final Map<String, Object> client;
    private final LongSupplier nanos;

    /// @param client connection settings: bootstrap.servers and `kafka.*`
    public ReadCommitted(Map<String, Object> client) {
        this(client, System::nanoTime);
    }

    /// @param nanos by which looking something up takes time
    protected ReadCommitted(Map<String, Object> client, LongSupplier nanos) {
        this.client = Map.copyOf(client);
        this.nanos = nanos;
    }

    /// By which a look-up's patience is measured; only differences mean something.
    public long nanos() {
        return nanos.getAsLong();
    }

    /// @throws InvalidConfigurationException no consumer can be made with these settings; says why
    public Consumer<byte[], byte[]> open(TopicPartition partition) {
        return open(partition, "read_committed", Map.of());
    }

    /// For a long stretch instead of a look-up: few large answers.
    public Consumer<byte[], byte[]> openToRead(TopicPartition partition) {
        return open(partition, "read_committed", Map.of(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, READ_RECORDS_MAX,
                ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, READ_BYTES_MAX));
    }

    /// @param isolation `read_uncommitted` only to learn that more is there than may be seen
    /// @param more settings of the consumer
    protected Consumer<byte[], byte[]> open(TopicPartition partition, String isolation, Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(client);
        settings.putAll(more);
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, isolation);
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        // A look-up ends at the end of the log, where a fetch would otherwise hang for the default
        // 500 ms.
        settings.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 10);
        Consumer<byte[], byte[]> consumer = consumer(settings);
        consumer.assign(List.of(partition));
        return consumer;
    }

    private static Consumer<byte[], byte[]> consumer(Map<String, Object> settings) {
        return KafkaClients
                .open(() -> new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer()));
    }

    /// Offset of the first record that is still there.
    public static long begin(Consumer<?, ?> consumer, TopicPartition partition) {
        return Objects.requireNonNull(consumer.beginningOffsets(List.of(partition)).get(partition));
    }

    /// One past the last record that a read_committed consumer may see now.
    public static long end(Consumer<?, ?> consumer, TopicPartition partition) {
        return Objects.requireNonNull(consumer.endOffsets(List.of(partition)).get(partition));
    }

    /// The first record that is visible now from `from` on and below `to`; null when there is none.
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

    /// Whether a transaction is open in the partition: what lies behind its first record is hidden until it ends.
    public boolean hasOpenTransaction(TopicPartition partition) {
        try (Consumer<byte[], byte[]> committed = open(partition);
                Consumer<byte[], byte[]> all = open(partition, "read_uncommitted", Map.of())) {
            return end(committed, partition) < end(all, partition);
        }
    }

    /// The first record visible at or after `offset`, or null when none comes within `patience`.
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
