package io.tidegrad.trainer;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Lineage;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.store.Changelog;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Where a model's consumer group stands before it starts. There is no reset policy: the start offset of a new model is
/// written down as its group's first offset, and offsets that Kafka has expired are taken from the manifest.
final class GroupOffsets {
    private static final Logger LOG = LoggerFactory.getLogger(GroupOffsets.class);

    private final Admin admin;
    private final String group;
    private final Duration patience;

    /// @param patience a little more than the session timeout: until then a member that was killed, or a static one
    ///     that was stopped, counts as present, and Kafka lets nobody else set the group's offsets
    GroupOffsets(Admin admin, String group, Duration patience) {
        this.admin = admin;
        this.group = group;
        this.patience = patience;
    }

    void ensure(Lineage lineage, KafkaTopics.Log log, Changelog changelog) {
        OffsetAndMetadata committed = committed(lineage);
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
            throw new TrainerException(ExitCode.STATE_VIOLATION, "model " + lineage.model() + ": expected "
                    + lineage.log() + " from offset " + offset + " on, found that it begins at " + log.begin()
                    + ": retention deleted " + (log.begin() - offset)
                    + " offsets that were not learned. Learn again under a new model name, and raise the topic's"
                    + " retention");
        }
        // The log's end was looked at before the group's offset was: of a model that another
        // trainer
        // learns meanwhile, the offset may have passed it.
        long end = offset > log.end() ? end(lineage) : log.end();
        if (offset > end) {
            throw new TrainerException(ExitCode.STATE_VIOLATION,
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

    /// Null when the group has no offset.
    @Nullable
    OffsetAndMetadata committed(Lineage lineage) {
        try {
            return KafkaTopics.get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata(group))
                    .get(lineage.log());
        } catch (GroupIdNotFoundException e) {
            return null;
        }
    }

    private void alter(Lineage lineage, OffsetAndMetadata offset) {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            try {
                KafkaTopics.get(admin.alterConsumerGroupOffsets(group, Map.of(lineage.log(), offset))
                        .partitionResult(lineage.log()));
                return;
            } catch (UnknownMemberIdException e) {
                if (System.nanoTime() > deadline) {
                    throw new TrainerException(ExitCode.RETRYABLE,
                            "model " + lineage.model() + ": group " + group
                                    + " has a member, so its missing offset can't be set; is another trainer running?",
                            e);
                }
                LockSupport.parkNanos(Duration.ofMillis(250).toNanos());
            }
        }
    }
}
