package io.tidegrad.scorer;

import io.tidegrad.control.ControlDirective;
import io.tidegrad.control.ControlIntake;
import io.tidegrad.schemas.KafkaClients;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Reads one model's snapshots topic and the control topic through one consumer, which has isolation level
/// `read_committed` and no group. Control records of a poll are applied before its snapshot records, so that no load
/// delays a decision. Used by one thread, except for `wakeup`.
final class FollowedTopics implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(FollowedTopics.class);

    /// A record and `wakeup` end the wait earlier.
    private static final Duration POLL = Duration.ofMillis(500);

    private static final Duration ASK = Duration.ofSeconds(5);
    private static final long AGAIN_MILLIS = 200;

    /// How often to look for a control topic that does not exist yet: its first record must be followed within 2 s.
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final Consumer<byte[], byte[]> consumer;
    private final TopicPartition controlPartition;
    private final ControlIntake control;
    private final CountDownLatch closing;
    private boolean controlled; // the control topic exists and is assigned
    private long lookedAt;
    private @Nullable TopicPartition followed;

    /// @param closing reading ends when it reaches 0
    /// @param between called between two pieces of a poll
    FollowedTopics(ScorerOptions options, ControlIntake control, CountDownLatch closing, Runnable between) {
        this(open(options, between), options.topics(), control, closing);
    }

    /// @param consumer consumer without an assignment
    FollowedTopics(Consumer<byte[], byte[]> consumer, Topics topics, ControlIntake control, CountDownLatch closing) {
        this.consumer = consumer;
        this.control = control;
        this.closing = closing;
        controlPartition = new TopicPartition(topics.control(), 0);
    }

    private static Consumer<byte[], byte[]> open(ScorerOptions options, Runnable between) {
        // This is our only code that runs in the middle of a poll: after the network and the batch, before the next
        // request.
        Deserializer<byte[]> keys = (topic, key) -> {
            between.run();
            return key;
        };
        return KafkaClients
                .open(() -> new KafkaConsumer<>(options.consumerSettings(), keys, new ByteArrayDeserializer()));
    }

    /// Wakes up the consumer. Called by another thread.
    void wakeup() {
        consumer.wakeup();
    }

    /// Reads the control topic from the last position to its end, because nothing may be served by an old decision.
    ///
    /// @throws KafkaException if Kafka returns an error or does not say whether the topic exists
    void readControl() {
        readControl(() -> false);
    }

    /// @param halted returns true if reading should stop
    void readControl(BooleanSupplier halted) {
        lookForControl(ASK);
        if (!controlled) {
            return;
        }
        long end = end(controlPartition);
        while (isOpen() && consumer.position(controlPartition) < end && !halted.getAsBoolean()) {
            poll();
        }
    }

    private void lookForControl(Duration timeout) {
        lookedAt = System.nanoTime();
        // Decisions are written to partition 0 and read from there. Kafka can't remove a partition that somebody added, so
        // other partitions are ignored.
        if (partitions(controlPartition.topic(), timeout) == 0) {
            return;
        }
        controlled = true;
        assign();
        long begin = begin(controlPartition);
        long next = control.next();
        if (next > 0 && (next < begin || next > end(controlPartition))) {
            log.warn(
                    "topic {} was read up to {} and now begins at {} and ends at {}: it was created again, and is read from its beginning",
                    controlPartition.topic(), next, begin, end(controlPartition));
            next = begin;
        }
        consumer.seek(controlPartition, Math.max(next, begin));
    }

    private void assign() {
        List<TopicPartition> assigned = new ArrayList<>(2);
        if (followed != null) {
            assigned.add(followed);
        }
        if (controlled) {
            assigned.add(controlPartition);
        }
        consumer.assign(assigned);
    }

    /// Returns the number of partitions of a topic; 0 if it does not exist.
    int partitions(String topic) {
        return partitions(topic, ASK);
    }

    private int partitions(String topic, Duration timeout) {
        List<PartitionInfo> partitions = consumer.partitionsFor(topic, timeout);
        return partitions == null ? 0 : partitions.size();
    }

    /// Reads this topic from now on. `seek` must set the position.
    void follow(String topic) {
        followed = new TopicPartition(topic, 0);
        assign();
    }

    /// Reads only the control topic.
    void followNothing() {
        followed = null;
        assign();
    }

    /// Waits for a moment and applies control records.
    void pause() throws InterruptedException {
        if (!controlled) {
            if (!closing.await(AGAIN_MILLIS, TimeUnit.MILLISECONDS)) {
                lookAgain();
            }
            return;
        }
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(AGAIN_MILLIS);
        ControlDirective before = control.directive();
        long left = end - System.nanoTime();
        while (isOpen() && control.directive() == before && left > 0) {
            poll(Duration.ofNanos(left));
            left = end - System.nanoTime();
        }
    }

    private boolean isOpen() {
        return closing.getCount() > 0;
    }

    /// Returns records of the followed topic. If control records of the same poll change the directive, returns none, and
    /// the next poll returns them: the new directive may not want them.
    List<ConsumerRecord<byte[], byte[]>> poll() {
        return poll(POLL);
    }

    private List<ConsumerRecord<byte[], byte[]>> poll(Duration timeout) {
        lookAgain();
        ControlDirective before = control.directive();
        ConsumerRecords<byte[], byte[]> polled = consumer.poll(timeout);
        for (ConsumerRecord<byte[], byte[]> record : polled.records(controlPartition)) {
            control.accept(record.key(), record.value(), record.offset());
        }
        if (followed == null) {
            return List.of();
        }
        List<ConsumerRecord<byte[], byte[]>> records = polled.records(followed);
        if (control.directive() != before && !records.isEmpty()) {
            consumer.seek(followed, records.getFirst().offset());
            return List.of();
        }
        return records;
    }

    private void lookAgain() {
        if (controlled || System.nanoTime() - lookedAt < LOOK_NANOS) {
            return;
        }
        try {
            lookForControl(Duration.ofNanos(LOOK_NANOS));
        } catch (TimeoutException e) {
            // Without Kafka nobody can decide anything either.
            log.debug("looking for {}", controlPartition.topic(), e);
        }
    }

    /// Passes on the records of a range of the followed topic, in their order.
    ///
    /// @param to end of the range, exclusive
    /// @param halted returns true if reading should stop
    void read(long from, long to, BooleanSupplier halted,
            java.util.function.Consumer<ConsumerRecord<byte[], byte[]>> each) {
        if (from >= to) {
            return;
        }
        seek(from);
        while (position() < to && !halted.getAsBoolean()) {
            for (ConsumerRecord<byte[], byte[]> record : poll()) {
                if (record.offset() >= to) {
                    break;
                }
                each.accept(record);
            }
        }
    }

    long begin() {
        return begin(partition());
    }

    private long begin(TopicPartition of) {
        return consumer.beginningOffsets(List.of(of), ASK).getOrDefault(of, 0L);
    }

    /// Returns the last stable offset: no open transaction begins before it.
    long end() {
        return end(partition());
    }

    private long end(TopicPartition of) {
        return consumer.endOffsets(List.of(of), ASK).getOrDefault(of, 0L);
    }

    void seek(long offset) {
        consumer.seek(partition(), offset);
    }

    long position() {
        return consumer.position(partition());
    }

    /// Returns the number of offsets to the end, as far as the consumer knows.
    long lag() {
        return consumer.currentLag(partition()).orElse(0);
    }

    /// Returns an offset at or before the first record with this timestamp or a later one: the largest that Kafka's index
    /// of timestamps gives, or the topic's beginning if it gives none. It may give none although there are such records:
    /// Kafka looks in the first segment whose largest timestamp is late enough, and the log cleaner may have emptied that
    /// segment.
    ///
    /// @param time epoch ms
    long since(long time) {
        OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition(), time), ASK).get(partition());
        return found == null ? begin() : found.offset();
    }

    private TopicPartition partition() {
        TopicPartition partition = followed;
        if (partition == null) {
            throw new IllegalStateException("no snapshots topic is followed");
        }
        return partition;
    }

    @Override
    public void close() {
        consumer.close(CloseOptions.timeout(Duration.ofSeconds(1)));
    }
}
