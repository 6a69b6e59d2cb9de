package io.tidegrad.trainer;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Lineage;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.trainer.store.Changelog;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Sets the first offset of a model's consumer group. Kafka resets no offset, because there is no reset policy: a new
/// model begins at its start offset, and an offset that Kafka has expired is taken from the manifest.
/// @param patience how long to wait for a group that has a member. Kafka lets no one set its offsets then, and a
///     member that was killed, or a static member that was stopped, counts until its session ends
record GroupOffsets(Admin admin, String group, Duration patience) {
    private static final Logger LOG = LoggerFactory.getLogger(GroupOffsets.class);

    void ensure(Lineage lineage, KafkaTopics.Log log, Changelog changelog) {
        OffsetAndMetadata committed = committed(lineage);
        if (committed == null) {
            committed = settled(lineage);
        }
        if (committed == null) {
            Long watermark = changelog.watermark();
            long offset = watermark == null ? lineage.startOffset() : watermark;
            if (watermark != null) {
                LOG.warn(
                        "model {}: group {} has no offset, Kafka may have expired it; taking {} from the changelog's"
                                + " manifest. This can take {} s",
                        lineage.model(), group, offset, patience.toSeconds());
            }
            checkInLog(lineage, offset, log);
            alter(lineage, Changelog.offsetWithWatermark(offset));
        } else {
            checkInLog(lineage, committed.offset(), log);
        }
    }

    private void checkInLog(Lineage lineage, long offset, KafkaTopics.Log log) {
        if (offset < log.begin()) {
            throw new StopException(ExitCode.STATE_VIOLATION, "model " + lineage.model() + ": expected " + lineage.log()
                    + " from offset " + offset + " on, found that it begins at " + log.begin() + ": retention deleted "
                    + (log.begin() - offset)
                    + " offsets that were not learned. Learn again under a new model name, and raise the topic's"
                    + " retention");
        }
        // The group's offset was read after the log's end, and may have passed it if another trainer learns the model.
        long end = offset > log.end() ? end(lineage) : log.end();
        if (offset > end) {
            throw new StopException(ExitCode.STATE_VIOLATION,
                    "model " + lineage.model() + ": expected " + lineage.log() + " to reach offset " + offset
                            + ", up to which it was learned, found that it ends at " + end
                            + ": the log lost records. Restore it, or learn again under a new model name");
        }
    }

    private long end(Lineage lineage) {
        return KafkaTopics
                .get(admin.listOffsets(Map.of(lineage.log(), OffsetSpec.latest())).partitionResult(lineage.log()))
                .offset();
    }

    /// Returns null if the group has no offset, or a transaction that has not ended holds its first one.
    @Nullable
    OffsetAndMetadata committed(Lineage lineage) {
        return KafkaTopics.committed(admin, group, List.of(lineage.log())).get(lineage.log());
    }

    /// Like `committed`, but waits until no transaction with an offset of this group is open. Kafka answers a commit
    /// before it makes the transaction's offsets visible, so an epoch whose first state was committed a moment ago seems
    /// to have none (`FirstState`). The start offset, written then, would replace the one that belongs to that state.
    private @Nullable OffsetAndMetadata settled(Lineage lineage) {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            Map<TopicPartition, @Nullable OffsetAndMetadata> offsets = stable(lineage);
            if (offsets.containsKey(lineage.log())) {
                return offsets.get(lineage.log());
            }
            if (System.nanoTime() > deadline) {
                throw new StopException(ExitCode.RETRYABLE,
                        "model " + lineage.model() + ": expected the transaction that brings group " + group
                                + " its first offset to end within " + patience.toSeconds()
                                + " s, found it open; start again when Kafka has ended it");
            }
            LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
        }
    }

    /// Returns the log's offset, null if it has none; nothing if an open transaction may change it.
    private Map<TopicPartition, @Nullable OffsetAndMetadata> stable(Lineage lineage) {
        // The log is named, because Kafka, asked for all, never mentions one whose only offset is in a transaction.
        ListConsumerGroupOffsetsSpec log = new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(lineage.log()));
        try {
            return KafkaTopics.askedOfGroup(AclOperation.DESCRIBE, group,
                    admin.listConsumerGroupOffsets(Map.of(group, log),
                            new ListConsumerGroupOffsetsOptions().requireStable(true))
                            .partitionsToOffsetAndMetadata(group));
        } catch (GroupIdNotFoundException e) {
            return Collections.singletonMap(lineage.log(), null);
        }
    }

    private void alter(Lineage lineage, OffsetAndMetadata offset) {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            try {
                KafkaTopics.askedOfGroup(AclOperation.READ, group,
                        admin.alterConsumerGroupOffsets(group, Map.of(lineage.log(), offset))
                                .partitionResult(lineage.log()));
                return;
            } catch (TopicAuthorizationException e) {
                throw KafkaTopics.denied(AclOperation.READ, lineage.log().topic());
            } catch (UnknownMemberIdException e) {
                if (System.nanoTime() > deadline) {
                    throw new StopException(ExitCode.RETRYABLE,
                            "model " + lineage.model() + ": group " + group
                                    + " has a member, so its missing offset can't be set; is another trainer running?",
                            e);
                }
                LockSupport.parkNanos(Duration.ofMillis(250).toNanos());
            }
        }
    }
}
