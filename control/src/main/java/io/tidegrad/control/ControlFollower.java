package io.tidegrad.control;

import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.InvalidOffsetException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Reads the control topic from its beginning and then as it grows, each record once and in order. While nothing is
/// decided this costs a request every half second.
public final class ControlFollower implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ControlFollower.class);

    /// The time between two tries if Kafka does not answer.
    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final Supplier<org.apache.kafka.clients.consumer.Consumer<byte[], byte[]>> open;
    private final TopicPartition partition;
    private final UnreadableRecords unreadable = new UnreadableRecords();
    private org.apache.kafka.clients.consumer.Consumer<byte[], byte[]> consumer;
    private long position;
    private @Nullable Thread thread;
    private volatile boolean closed;

    public ControlFollower(KafkaSettings kafka, String topic) {
        this(() -> new ReadCommitted(kafka.client()).openToFollow(new TopicPartition(topic, 0)), topic);
    }

    /// @param open opens a consumer, at the start and after each error of Kafka
    ControlFollower(Supplier<org.apache.kafka.clients.consumer.Consumer<byte[], byte[]>> open, String topic) {
        this.open = open;
        partition = new TopicPartition(topic, 0);
        consumer = open.get();
    }

    /// Reads and returns what was decided until now.
    public ControlLog.Records records() {
        List<ControlRecord> models = new ArrayList<>();
        List<StreamRecord> streams = new ArrayList<>();
        consumer.assign(List.of(partition));
        consumer.seekToBeginning(List.of(partition));
        position = consumer.position(partition);
        long end = Objects.requireNonNull(consumer.endOffsets(List.of(partition)).get(partition));
        while (position < end) {
            read(models::add, streams::add);
        }
        return new ControlLog.Records(models, streams);
    }

    /// Returns how many records could not be read so far.
    public int unreadable() {
        return unreadable.count();
    }

    /// Passes each further decision about a model to `models`, and passes over those about streams. See `follow` with two
    /// arguments.
    public void follow(Consumer<ControlRecord> models) {
        follow(models, record -> {
        });
    }

    /// Passes each further decision about a model to `models` and each about a stream to `streams`, on a thread of its
    /// own. If one of them throws, that is logged, and the next decision is passed.
    public void follow(Consumer<ControlRecord> models, Consumer<StreamRecord> streams) {
        thread = Thread.ofVirtual().name("control").start(() -> run(record -> {
            try {
                models.accept(record);
            } catch (RuntimeException e) {
                LOG.error("a defect: model {}: {} could not be followed", record.model(), record.action(), e);
            }
        }, record -> {
            try {
                streams.accept(record);
            } catch (RuntimeException e) {
                LOG.error("a defect: stream {}: {} could not be followed", record.stream(), record.action(), e);
            }
        }));
    }

    private void run(Consumer<ControlRecord> models, Consumer<StreamRecord> streams) {
        boolean away = false;
        while (!closed) {
            try {
                if (away) {
                    reopen(); // fails too while a broker's name can't be resolved
                }
                read(models, streams);
                away = false;
            } catch (InterruptException e) {
                return;
            } catch (InvalidOffsetException e) { // another topic of this name, or an emptied one
                LOG.warn("{} no longer has offset {}; reading it from its beginning", partition, position);
                consumer.seekToBeginning(List.of(partition));
            } catch (KafkaException e) {
                if (!away) {
                    away = true;
                    LOG.warn("{} can't be read, trying again: {}", partition, e.toString());
                }
                try {
                    Thread.sleep(PAUSE);
                } catch (InterruptedException closing) {
                    return;
                }
            }
        }
    }

    private void read(Consumer<ControlRecord> models, Consumer<StreamRecord> streams) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
            ControlLog.decode(record, unreadable, models, streams);
        }
        position = consumer.position(partition);
    }

    private void reopen() {
        consumer.close(CloseOptions.timeout(Duration.ZERO));
        consumer = open.get();
        consumer.assign(List.of(partition));
        consumer.seek(partition, position);
    }

    @Override
    public void close() {
        closed = true;
        Thread following = thread;
        if (following != null) {
            following.interrupt();
            try {
                following.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return; // the consumer may still be in use
            }
        }
        consumer.close(CloseOptions.timeout(Duration.ZERO));
    }
}
