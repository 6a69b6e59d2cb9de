package io.tidegrad.joiner.app;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.StreamState;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.jspecify.annotations.Nullable;

/// Where the group of a stream's joiners goes on in events and labels. A new group begins
/// with the epoch, at the beginning or at a time. After that an
/// offset that is gone stops the stream: Streams would begin elsewhere, and nobody would know what is missing.
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
    /// @param changelog partitions of the changelog of entries; empty if there is none yet
    /// @throws StopException if what was to be joined next is gone
    void ensure(List<TopicPartition> partitions, List<TopicPartition> changelog) {
        Map<TopicPartition, @Nullable OffsetAndMetadata> committed = committed(partitions);
        Map<TopicPartition, Long> begins = offsets(partitions, OffsetSpec.earliest());
        Map<TopicPartition, OffsetAndMetadata> missing = new LinkedHashMap<>();
        for (TopicPartition each : partitions) {
            OffsetAndMetadata offset = committed.get(each);
            long begin = begins.getOrDefault(each, 0L);
            if (offset == null) {
                missing.put(each, new OffsetAndMetadata(first(each, begin)));
            } else if (offset.offset() < begin) {
                throw new StopException(ExitCode.STATE_VIOLATION,
                        name + ": expected " + each + " from offset " + offset.offset()
                                + " on, found that it begins at " + begin + ": retention deleted "
                                + (begin - offset.offset())
                                + " offsets that were not joined. Begin a new epoch, and raise the topic's retention");
            }
        }
        if (missing.size() == partitions.size()
                && offsets(changelog, OffsetSpec.latest()).values().stream().anyMatch(end -> end > 0)) {
            throw new StopException(ExitCode.STATE_VIOLATION,
                    name + ": expected the group " + group + " with its offsets beside what is remembered in "
                            + changelog.getFirst().topic() + ", found none: Kafka may have expired them"
                            + " (offsets.retention.minutes). Begin a new epoch");
        }
        if (!missing.isEmpty()) {
            alter(missing);
        }
    }

    /// @param there the topics that exist
    /// @throws StopException if one of them is gone that was there when something was joined
    void requireInternal(StreamJoiner.Internal internal, Set<String> there) {
        Set<String> missing = new TreeSet<>(internal.all());
        missing.removeAll(there);
        if (missing.isEmpty()) {
            return;
        }
        // An offset that Kafka Streams has committed has its time beside it. Those of a topic are deleted with it; but
        // Streams creates changelogs after all others.
        boolean joined = committed(internal.joined()).values().stream()
                .anyMatch(offset -> offset != null && !offset.metadata().isEmpty());
        boolean repartitionGone = internal.repartitions().stream().anyMatch(missing::contains)
                && internal.changelogs().stream().anyMatch(there::contains);
        if (joined || repartitionGone) {
            throw JoinTopics.lost(epoch, String.join(", ", missing), "that it was deleted");
        }
    }

    private long first(TopicPartition partition, long begin) {
        Instant from = epoch.create().from();
        if (from == null) {
            return begin;
        }
        List<TopicPartition> one = List.of(partition);
        long offset = Objects.requireNonNull(offsets(one, OffsetSpec.forTimestamp(from.toEpochMilli())).get(partition));
        // -1: no record is as new
        return offset >= 0 ? offset : Objects.requireNonNull(offsets(one, OffsetSpec.latest()).get(partition));
    }

    Map<TopicPartition, @Nullable OffsetAndMetadata> committed(List<TopicPartition> partitions) {
        try {
            return KafkaTopics.get(admin
                    .listConsumerGroupOffsets(
                            Map.of(group, new ListConsumerGroupOffsetsSpec().topicPartitions(partitions)))
                    .partitionsToOffsetAndMetadata(group));
        } catch (GroupIdNotFoundException e) {
            return Map.of();
        }
    }

    Map<TopicPartition, Long> offsets(List<TopicPartition> partitions, OffsetSpec which) {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        partitions.forEach(each -> wanted.put(each, which));
        Map<TopicPartition, Long> offsets = new HashMap<>();
        Map<TopicPartition, ListOffsetsResultInfo> found = KafkaTopics.get(admin.listOffsets(wanted).all());
        found.forEach((each, info) -> offsets.put(each, info.offset()));
        return offsets;
    }

    private void alter(Map<TopicPartition, OffsetAndMetadata> offsets) {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            try {
                KafkaTopics.get(admin.alterConsumerGroupOffsets(group, offsets).all());
                return;
            } catch (UnknownMemberIdException e) {
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
