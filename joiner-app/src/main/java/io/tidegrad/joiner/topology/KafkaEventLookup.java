package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.BoundedConsumer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Reads events again by a consumer of the task's own, in the order of their places, so that events that lie near each
/// other come with one request.
public final class KafkaEventLookup implements EventLookup {
    /// Fewer records than this between two places are read and passed over; more are jumped over.
    private static final int JUMP = 2_000;

    private static final Duration POLL = Duration.ofMillis(100);

    private final String stream;
    private final String topic;
    private final Map<String, Object> client;
    private final Duration patience;
    private @Nullable Consumer<byte[], byte[]> consumer;

    /// @param client settings of Kafka's clients
    /// @param patience how long a batch may take: less than a transaction may last
    public KafkaEventLookup(String stream, String topic, Map<String, Object> client, Duration patience) {
        this.stream = stream;
        this.topic = topic;
        this.client = client;
        this.patience = patience;
    }

    @Override
    public void read(List<Position> places, Found to) {
        Map<Integer, List<Integer>> byPartition = new TreeMap<>();
        for (int i = 0; i < places.size(); i++) {
            byPartition.computeIfAbsent(places.get(i).partition(), unused -> new ArrayList<>()).add(i);
        }
        long deadline = System.nanoTime() + patience.toNanos();
        byPartition.forEach((partition, wanted) -> {
            wanted.sort(Comparator.comparingLong(i -> places.get(i).offset()));
            read(new TopicPartition(topic, partition), places, wanted, to, deadline);
        });
    }

    /// @param wanted indices of `places`, in the order of their offsets
    private void read(TopicPartition partition, List<Position> places, List<Integer> wanted, Found to, long deadline) {
        Consumer<byte[], byte[]> consumer = consumer();
        consumer.assign(List.of(partition));
        long position = -1;
        int next = 0;
        while (next < wanted.size()) {
            long offset = places.get(wanted.get(next)).offset();
            if (position < 0 || offset - position > JUMP) {
                consumer.seek(partition, offset);
            }
            List<ConsumerRecord<byte[], byte[]>> records;
            try {
                records = consumer.poll(POLL).records(partition);
                position = consumer.position(partition);
            } catch (OffsetOutOfRangeException gone) {
                records = List.of();
                position = Objects.requireNonNull(consumer.beginningOffsets(List.of(partition)).get(partition));
                if (position <= offset) { // it lies after the end
                    position = offset + 1;
                }
                consumer.seek(partition, position);
            }
            for (ConsumerRecord<byte[], byte[]> record : records) {
                for (; next < wanted.size() && places.get(wanted.get(next)).offset() <= record.offset(); next++) {
                    boolean there = places.get(wanted.get(next)).offset() == record.offset() && record.value() != null;
                    to.at(wanted.get(next),
                            there ? new Content(record.value(), SourceReader.carried(record.headers())) : null);
                }
            }
            for (; next < wanted.size() && places.get(wanted.get(next)).offset() < position; next++) {
                to.at(wanted.get(next), null);
            }
            if (next < wanted.size() && System.nanoTime() > deadline) {
                throw new StopException(ExitCode.RETRYABLE, "stream " + stream + ": expected the event at " + partition
                        + " offset " + offset + " again, to write its correction, within " + patience.toMillis()
                        + " ms, found no answer of Kafka; nothing is lost: the correction is written after the next start");
            }
        }
    }

    private Consumer<byte[], byte[]> consumer() {
        Consumer<byte[], byte[]> open = consumer;
        if (open == null) {
            Map<String, Object> settings = new HashMap<>(client);
            settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
            settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
            settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
            settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, "false");
            // A consumer asks for what comes next before it is wanted. At the end of a partition the broker would keep that
            // request for 500 ms, and with it the one for the next partition.
            settings.put(ConsumerConfig.FETCH_MIN_BYTES_CONFIG, 0);
            settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, JUMP);
            settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 256 * 1024);
            open = new BoundedConsumer(settings);
            consumer = open;
        }
        return open;
    }

    @Override
    public void close() {
        if (consumer != null) {
            consumer.close(CloseOptions.timeout(Duration.ZERO));
            consumer = null;
        }
    }
}
