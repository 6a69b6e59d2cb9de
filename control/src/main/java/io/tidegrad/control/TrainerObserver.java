package io.tidegrad.control;

import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/// What a trainer does about a decision, seen from outside: its group has members while a model is learned, and its
/// heartbeats tell the epoch.
public final class TrainerObserver {
    private static final Duration LOOK_EVERY = Duration.ofMillis(100);

    private final KafkaSettings kafka;
    private final Topics topics;
    private final Admin admin;

    public TrainerObserver(KafkaSettings kafka, Topics topics, Admin admin) {
        this.kafka = kafka;
        this.topics = topics;
        this.admin = admin;
    }

    /// @throws ControlException no broker is there
    public static Admin admin(KafkaSettings kafka) {
        BootstrapServers.requireOne(kafka.bootstrapServers());
        return Admin.create(kafka.client());
    }

    /// Whether a trainer has this epoch of a model; one that died counts until its session ends.
    public boolean runs(String model, int epoch) {
        String group = topics.applicationId(model, epoch);
        try {
            return !Objects
                    .requireNonNull(KafkaTopics.get(admin.describeConsumerGroups(List.of(group)).all()).get(group))
                    .members().isEmpty();
        } catch (GroupIdNotFoundException none) {
            return false;
        }
    }

    /// True when no trainer has it any more, false when one still has after `timeout`.
    public boolean awaitStopped(String model, int epoch, Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (runs(model, epoch)) {
            if (System.nanoTime() - deadline > 0) {
                return false;
            }
            LockSupport.parkNanos(LOOK_EVERY.toNanos());
        }
        return true;
    }

    /// Where heartbeats that come from now on begin, for `awaitLearning`.
    public long mark(String model) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            TopicPartition partition = new TopicPartition(topics.snapshots(model), 0);
            if (!consumer.listTopics().containsKey(partition.topic())) {
                return 0;
            }
            consumer.assign(List.of(partition));
            return Objects.requireNonNull(consumer.endOffsets(List.of(partition)).get(partition));
        }
    }

    /// Waits for a heartbeat of this epoch or a later one: the model is restored and learns.
    ///
    /// @param mark from `mark`, before the decision
    /// @return the version that it learns on from; empty when none came within `timeout`
    public OptionalLong awaitLearning(String model, int epoch, long mark, Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            TopicPartition partition = new TopicPartition(topics.snapshots(model), 0);
            while (!consumer.listTopics().containsKey(partition.topic())) {
                if (System.nanoTime() - deadline > 0) {
                    return OptionalLong.empty();
                }
                LockSupport.parkNanos(LOOK_EVERY.toNanos());
            }
            consumer.assign(List.of(partition));
            consumer.seek(partition, mark);
            while (System.nanoTime() - deadline < 0) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(LOOK_EVERY)) {
                    Heartbeat heartbeat = heartbeat(record);
                    if (heartbeat != null && heartbeat.epoch() >= epoch) {
                        return OptionalLong.of(heartbeat.version());
                    }
                }
            }
            return OptionalLong.empty();
        }
    }

    static @Nullable Heartbeat heartbeat(ConsumerRecord<byte[], byte[]> record) {
        try {
            return record.value() != null && SnapshotKey.decode(record.key()).kind() == SnapshotKey.Kind.HEARTBEAT
                    ? Heartbeat.decode(record.value()) : null;
        } catch (SnapshotFormatException unreadable) {
            return null; // a scorer refuses it too, and says so
        }
    }

    /// Heartbeats are written outside of transactions, and an open one must not hide them.
    private KafkaConsumer<byte[], byte[]> consumer() {
        Map<String, Object> settings = new HashMap<>(kafka.client());
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_uncommitted");
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }
}
