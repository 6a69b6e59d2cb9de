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

/// What a follower reads through: one consumer, assigned, read_committed, without a group, on one model's snapshots
/// topic and on the control topic beside it. Whatever the former is read for, records of the latter are told first, so
/// that no load, however long, holds a decision up. One thread, but for `wakeup`.
final class FollowedTopics implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(FollowedTopics.class);

    /// Who closes wakes it up; records do.
    private static final Duration POLL = Duration.ofMillis(500);

    private static final Duration ASK = Duration.ofSeconds(5);
    private static final long AGAIN_MILLIS = 200;

    /// How often a control topic that is not there is looked for: its first record must be followed within 2 s.
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final Consumer<byte[], byte[]> consumer;
    private final TopicPartition controlPartition;
    private final ControlIntake control;
    private final CountDownLatch closing;
    private boolean controlled; // the control topic is there, and assigned
    private long lookedAt;
    private @Nullable TopicPartition followed;

    /// @param closing reads end when it is down
    /// @param between called between two pieces of a poll
    FollowedTopics(ScorerOptions options, ControlIntake control, CountDownLatch closing, Runnable between) {
        this(open(options, between), options.topics(), control, closing);
    }

    /// @param consumer assigned to nothing
    FollowedTopics(Consumer<byte[], byte[]> consumer, Topics topics, ControlIntake control, CountDownLatch closing) {
        this.consumer = consumer;
        this.control = control;
        this.closing = closing;
        controlPartition = new TopicPartition(topics.control(), 0);
    }

    private static Consumer<byte[], byte[]> open(ScorerOptions options, Runnable between) {
        // The one call of ours in the middle of a poll: behind it are the network and the batch,
        // before it the next request.
        Deserializer<byte[]> keys = (topic, key) -> {
            between.run();
            return key;
        };
        return KafkaClients
                .open(() -> new KafkaConsumer<>(options.consumerSettings(), keys, new ByteArrayDeserializer()));
    }

    /// From another thread: ends what the consumer waits for.
    void wakeup() {
        consumer.wakeup();
    }

    /// Tells all that the control topic holds from where it was left. Nothing may be served on what was known before.
    ///
    /// @throws KafkaException also when it can't be told whether there is such a topic
    void readControl() {
        lookForControl(ASK);
        if (!controlled) {
            return;
        }
        long end = end(controlPartition);
        while (isOpen() && consumer.position(controlPartition) < end) {
            poll();
        }
    }

    private void lookForControl(Duration timeout) {
        lookedAt = System.nanoTime();
        // Every decision is written to partition 0 and read from there. Kafka can't remove a
        // partition that somebody added, so
        // a topic of several partitions is no reason to serve nothing.
        if (partitions(controlPartition.topic(), timeout) == 0) {
            return;
        }
        controlled = true;
        assign();
        long begin = begin(controlPartition);
        long next = control.next();
        if (next > 0 && (next < begin || next > end(controlPartition))) {
            log.warn("topic {} was at {} and is from {} to {}: made anew; reading it from its beginning",
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

    /// Of a topic; 0 when there is none.
    int partitions(String topic) {
        return partitions(topic, ASK);
    }

    private int partitions(String topic, Duration timeout) {
        List<PartitionInfo> partitions = consumer.partitionsFor(topic, timeout);
        return partitions == null ? 0 : partitions.size();
    }

    /// Reads the topic from now on; its position is wherever `seek` says next.
    void follow(String topic) {
        followed = new TopicPartition(topic, 0);
        assign();
    }

    /// Reads the control topic only.
    void followNothing() {
        followed = null;
        assign();
    }

    /// Waits a moment, in which control records are told.
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

    /// Records of the followed topic. Where a control record that came with them is a new directive, they are left for
    /// the next poll: the directive may be that they are not wanted.
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
            // Kafka is away, and with it whoever could decide something.
            log.debug("looking for {}", controlPartition.topic(), e);
        }
    }

    /// Tells the records of a range of the followed topic, in their order.
    ///
    /// @param to exclusive
    /// @param halted read no further
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

    /// Under read_committed this is the last stable offset: no transaction that is still open lies before it.
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

    /// Offsets to the end, as far as the consumer knows.
    long lag() {
        return consumer.currentLag(partition()).orElse(0);
    }

    /// An offset before which no record with that timestamp or a later one lies, as late as Kafka's index of times can
    /// tell; the topic's beginning where it can't. That it can't does not mean that there are no such records: Kafka
    /// looks in the first segment whose greatest timestamp is late enough, and the log cleaner may have emptied that
    /// one.
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
