package io.tidegrad.control;

import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.jspecify.annotations.Nullable;

/// Observes what trainers do about a decision: the group of a model has members while a trainer learns it, and its
/// heartbeats tell the epoch. So it is with the group of a stream's epoch and joiners.
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

    /// @throws ControlException if no broker answers
    public static Admin admin(KafkaSettings kafka) {
        BootstrapServers.requireOne(kafka.bootstrapServers());
        return Admin.create(kafka.client());
    }

    /// Returns whether a trainer has this epoch of a model. A trainer that died counts until its session ends.
    public boolean runs(String model, int epoch) {
        return hasMembers(topics.applicationId(model, epoch));
    }

    private boolean hasMembers(String group) {
        return members(admin, group) > 0;
    }

    /// Returns how many threads are in a group. Those of a process that died count until their session ends.
    static int members(Admin admin, String group) {
        try {
            return Objects.requireNonNull(KafkaTopics
                    .askedOfGroup(AclOperation.DESCRIBE, group, admin.describeConsumerGroups(List.of(group)).all())
                    .get(group)).members().size();
        } catch (GroupIdNotFoundException none) {
            return 0;
        }
    }

    /// Waits until no trainer has this epoch of a model, and returns false if one still has it after `timeout`.
    public boolean awaitStopped(String model, int epoch, Duration timeout) {
        return awaitEmpty(topics.applicationId(model, epoch), timeout);
    }

    /// Waits until no joiner has this epoch of a stream, and returns false if one still has it after `timeout`.
    public boolean awaitNoJoiner(String stream, int epoch, Duration timeout) {
        return awaitEmpty(topics.joinerApplicationId(stream, epoch), timeout);
    }

    private boolean awaitEmpty(String group, Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (hasMembers(group)) {
            if (System.nanoTime() - deadline > 0) {
                return false;
            }
            LockSupport.parkNanos(LOOK_EVERY.toNanos());
        }
        return true;
    }

    /// Returns the offset at which the heartbeats of a model begin that come from now on, for `awaitLearning`.
    public long mark(String model) {
        return ReadCommitted.mark(kafka, snapshots(model));
    }

    private TopicPartition snapshots(String model) {
        return new TopicPartition(topics.snapshots(model), 0);
    }

    /// Waits for a heartbeat of this epoch or a later one, which says that the model is restored and learns.
    ///
    /// @param mark what `mark` returned before the decision
    /// @return the version from which the model learns on; empty if no heartbeat came within `timeout`
    public OptionalLong awaitLearning(String model, int epoch, long mark, Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        try (Consumer<byte[], byte[]> consumer = ReadCommitted.uncommitted(kafka)) {
            TopicPartition partition = snapshots(model);
            while (ReadCommitted.partitions(consumer, partition.topic()).isEmpty()) {
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
            return null; // a scorer that reads it logs it
        }
    }
}
