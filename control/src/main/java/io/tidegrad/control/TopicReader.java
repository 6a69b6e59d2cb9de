package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.schemas.BoundedConsumer;
import io.tidegrad.schemas.KafkaClients;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;

/// Reads one partition of a topic in order, from an offset to an offset, and sees what is committed. It has no group,
/// writes nothing, and may be used by one thread at a time.
public final class TopicReader implements AutoCloseable {
    private static final int POLL_RECORDS_MAX = 10_000;

    /// If reading makes no progress for so long, it fails.
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final TopicPartition log;
    private final BoundedConsumer consumer;

    public TopicReader(KafkaSettings kafka, String topic) {
        this(kafka, new TopicPartition(topic, 0));
    }

    public TopicReader(KafkaSettings kafka, TopicPartition partition) {
        log = partition;
        Map<String, Object> settings = ReadCommitted.settings(kafka.client(), "read_committed", "none");
        settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, POLL_RECORDS_MAX);
        settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 8 * 1024 * 1024);
        // Everything that is asked for is there already, so a fetch need not wait for more at the end.
        settings.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 10);
        consumer = KafkaClients.open(() -> new BoundedConsumer(settings));
        consumer.assign(List.of(log));
    }

    /// Returns the partitions of a topic, none if there is no such topic.
    public static List<TopicPartition> partitions(KafkaSettings kafka, String topic) {
        try (TopicReader reader = new TopicReader(kafka, topic)) {
            return ReadCommitted.partitions(reader.consumer, topic).stream()
                    .map(each -> new TopicPartition(topic, each.partition())).toList();
        }
    }

    public boolean exists() {
        return !ReadCommitted.partitions(consumer, log.topic()).isEmpty();
    }

    public TopicPartition log() {
        return log;
    }

    /// Returns the offset of the first record that retention has left.
    public long begin() {
        return ReadCommitted.begin(consumer, log);
    }

    /// Returns the offset after the last record that is visible now.
    public long end() {
        return ReadCommitted.end(consumer, log);
    }

    /// Returns the offset of the first visible record with this timestamp or a later one.
    ///
    /// Kafka's own answer may be far too early, because the end of a transaction is a record too, and has the broker's
    /// time while events may have times of years ago. No such record lies before Kafka's answer, so the search goes on
    /// from there.
    public OptionalLong firstSince(Instant time) {
        long millis = time.toEpochMilli();
        OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(log, millis)).get(log);
        if (found == null) {
            return OptionalLong.empty();
        }
        long[] first = {-1};
        read(found.offset(), end(), record -> {
            if (record.timestamp() >= millis) {
                first[0] = record.offset();
            }
            return first[0] < 0;
        });
        return first[0] < 0 ? OptionalLong.empty() : OptionalLong.of(first[0]);
    }

    /// Passes every visible record from offset `from` to `end` (exclusive) to `goesOn`, until that returns false.
    ///
    /// @throws org.apache.kafka.clients.consumer.OffsetOutOfRangeException if the log begins later
    /// @throws TimeoutException if nothing came for a minute
    public void read(long from, long end, Predicate<ConsumerRecord<byte[], byte[]>> goesOn) {
        consumer.seek(log, from);
        long position = from;
        long movedAt = System.nanoTime();
        while (position < end) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
                if (record.offset() >= end || !goesOn.test(record)) {
                    return;
                }
            }
            long now = consumer.position(log);
            if (now > position) {
                position = now;
                movedAt = System.nanoTime();
            } else if (System.nanoTime() - movedAt > PATIENCE.toNanos()) {
                throw new TimeoutException(log + ": expected records up to offset " + end + ", found nothing beyond "
                        + position + " for " + PATIENCE.toSeconds() + " s");
            }
        }
    }

    /// Returns whether the topic still holds a record before an offset.
    public boolean holdsBefore(long offset) {
        return holds(0, offset);
    }

    /// Returns whether the topic still holds a record from offset `from` to `until` (exclusive).
    public boolean holds(long from, long until) {
        boolean[] any = {false};
        read(Math.max(from, begin()), until, record -> {
            any[0] = true;
            return false;
        });
        return any[0];
    }

    /// Returns why a model can't be learned again from an offset that retention has deleted.
    public ControlException beginsLater(String model, long from, @Nullable OffsetOutOfRangeException cause) {
        return new ControlException(Reason.STATE_VIOLATION,
                "model " + model + ": expected " + log + " from offset " + from
                        + " on, found that it begins later: retention has deleted events, so what was learned from"
                        + " them can't be learned again. Raise the topic's retention for the models to come; this one"
                        + " can be exported (tidegrad export), or begun anew (tidegrad replay --from OFFSET --as NAME)",
                cause);
    }

    @Override
    public void close() {
        consumer.close();
    }
}
