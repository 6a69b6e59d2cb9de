package io.tidegrad.joiner.app;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.StreamState;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConsumerGroupOffsetsResult;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.jspecify.annotations.Nullable;

/// Where the group of a stream's joiners goes on in events and labels. A new group begins with the epoch, at the beginning
/// or at a time. After that, an offset that is gone stops the stream: Streams would begin elsewhere, and nobody would know
/// what is missing or doubled.
final class JoinOffsets {
    private final Admin admin;
    private final StreamState.Epoch epoch;
    private final String name;
    private final String group;
    private final Duration patience;

    /// @param patience how long to wait for a group that has a member without an offset
    JoinOffsets(Admin admin, StreamState.Epoch epoch, String group, Duration patience) {
        this.admin = admin;
        this.epoch = epoch;
        name = StreamJoiner.name(epoch);
        this.group = group;
        this.patience = patience;
    }

    /// @param partitions of events and labels
    /// @param written partitions in which something lies only after the group has got its offsets: of the examples and of
    ///     the changelog of entries, if it exists
    /// @throws StopException if it is unknown what is to be joined next, or if that is gone
    void ensure(List<TopicPartition> partitions, List<TopicPartition> written) {
        // Another joiner may be joining: asked for later, what it writes and what retention deletes would be held against
        // the offsets of before.
        TopicPartition used = ends(written).entrySet().stream().filter(end -> end.getValue() > 0).map(Map.Entry::getKey)
                .min(Comparator.comparing(TopicPartition::toString)).orElse(null);
        Map<TopicPartition, Long> begins = offsets(partitions, OffsetSpec.earliest());
        Map<TopicPartition, @Nullable OffsetAndMetadata> committed = committed(partitions);
        Map<TopicPartition, Long> ends = ends(partitions);
        Map<TopicPartition, OffsetAndMetadata> missing = new LinkedHashMap<>();
        for (TopicPartition each : partitions) {
            OffsetAndMetadata offset = committed.get(each);
            long begin = begins.getOrDefault(each, 0L);
            long end = ends.getOrDefault(each, 0L);
            if (offset == null) {
                missing.put(each, new OffsetAndMetadata(first(each, begin, end)));
            } else if (offset.offset() < begin) {
                throw new StopException(ExitCode.STATE_VIOLATION,
                        name + ": expected " + each + " from offset " + offset.offset()
                                + " on, found that it begins at " + begin + ": retention deleted "
                                + (begin - offset.offset())
                                + " offsets that were not joined. Begin a new epoch, and raise the topic's retention");
            } else if (offset.offset() > end) {
                throw new StopException(ExitCode.STATE_VIOLATION,
                        name + ": expected " + each + " to reach offset " + offset.offset()
                                + ", up to which it was joined, found that it ends at " + end
                                + ": the log lost records. Restore it, or begin a new epoch");
            }
        }
        if (missing.isEmpty()) {
            return;
        }
        if (used != null) {
            throw new StopException(ExitCode.STATE_VIOLATION,
                    name + ": expected the group " + group + " with the offsets up to which it joined what " + used
                            + " has, found none of " + missing.keySet().iterator().next()
                            + ": Kafka expires them when a group was empty for long (offsets.retention.minutes)."
                            + " Joined from the beginning, examples would come twice. Begin a new epoch: tidegrad"
                            + " streams create --spec FILE");
        }
        alter(missing);
    }

    /// @param partitions of events and labels
    /// @return the topics of Kafka Streams that exist
    /// @throws StopException if one of them is gone that was there when something was joined
    Map<String, KafkaTopics.Found> requireInternal(StreamJoiner.Internal internal, List<TopicPartition> partitions,
            KafkaTopics kafka) {
        // An offset that Kafka Streams has committed has its time beside it, and Streams creates its topics before that.
        // Kafka deletes the offsets of a topic with it, so those of events and labels count, too.
        Set<TopicPartition> read = new LinkedHashSet<>(partitions);
        read.addAll(internal.joined());
        boolean joined = committed(List.copyOf(read)).values().stream()
                .anyMatch(offset -> offset != null && !offset.metadata().isEmpty());
        Map<String, KafkaTopics.Found> there = kafka.look(internal.all(), false);
        Set<String> missing = new TreeSet<>(internal.all());
        missing.removeAll(there.keySet());
        if (missing.isEmpty()) {
            return there;
        }
        // Of these topics Streams creates the changelogs last.
        boolean repartitionGone = internal.repartitions().stream().anyMatch(missing::contains)
                && internal.changelogs().stream().anyMatch(there::containsKey);
        if (joined || repartitionGone) {
            throw JoinTopics.lost(epoch, String.join(", ", missing),
                    "that it was deleted, or that an earlier build joined this epoch without it");
        }
        return there;
    }

    /// @param end asked for before, so that no record comes between it and the answer that none is as new
    private long first(TopicPartition partition, long begin, long end) {
        Instant from = epoch.create().from();
        if (from == null) {
            return begin;
        }
        List<TopicPartition> one = List.of(partition);
        long offset = Objects.requireNonNull(offsets(one, OffsetSpec.forTimestamp(from.toEpochMilli())).get(partition));
        return offset >= 0 ? offset : end; // -1: no record is as new
    }

    Map<TopicPartition, @Nullable OffsetAndMetadata> committed(List<TopicPartition> partitions) {
        return KafkaTopics.committed(admin, group, partitions);
    }

    /// Returns up to where events and labels can be read. An open transaction may have records after that.
    Map<TopicPartition, Long> readable(List<TopicPartition> partitions) {
        return offsets(partitions, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED);
    }

    /// Returns where partitions end, open transactions included.
    Map<TopicPartition, Long> ends(List<TopicPartition> partitions) {
        return offsets(partitions, OffsetSpec.latest());
    }

    private Map<TopicPartition, Long> offsets(List<TopicPartition> partitions, OffsetSpec which) {
        return offsets(partitions, which, IsolationLevel.READ_UNCOMMITTED);
    }

    private Map<TopicPartition, Long> offsets(List<TopicPartition> partitions, OffsetSpec which,
            IsolationLevel isolation) {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        partitions.forEach(each -> wanted.put(each, which));
        Map<TopicPartition, Long> offsets = new HashMap<>();
        Map<TopicPartition, ListOffsetsResultInfo> found =
                KafkaTopics.get(admin.listOffsets(wanted, new ListOffsetsOptions(isolation)).all());
        found.forEach((each, info) -> offsets.put(each, info.offset()));
        return offsets;
    }

    private void alter(Map<TopicPartition, OffsetAndMetadata> offsets) {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            try {
                AlterConsumerGroupOffsetsResult altered = admin.alterConsumerGroupOffsets(group, offsets);
                for (TopicPartition each : offsets.keySet()) {
                    try {
                        KafkaTopics.askedOfGroup(AclOperation.READ, group, altered.partitionResult(each));
                    } catch (TopicAuthorizationException e) {
                        throw KafkaTopics.denied(AclOperation.READ, each.topic());
                    }
                }
                return;
            } catch (UnknownMemberIdException e) {
                // Of joiners that are first started together, another one may have set them.
                Map<TopicPartition, @Nullable OffsetAndMetadata> now = committed(List.copyOf(offsets.keySet()));
                if (offsets.keySet().stream().allMatch(each -> now.get(each) != null)) {
                    return;
                }
                if (System.nanoTime() > deadline) {
                    throw new StopException(ExitCode.RETRYABLE,
                            name + ": group " + group + " has a member, so its missing offsets of " + offsets.keySet()
                                    + " can't be set; is another joiner running?",
                            e);
                }
                LockSupport.parkNanos(Duration.ofMillis(250).toNanos());
            }
        }
    }
}
