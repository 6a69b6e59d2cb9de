package io.tidegrad.joiner.topology;

import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// How far in event time the partitions of events and labels were read, and how far each may be: no further than `align`
/// beyond the least one that has something left to read. All threads of a process share it, and it hears of other
/// processes from what they have committed. It shapes the order of the examples, and nothing hangs on it but that.
public final class Alignment {
    private volatile long align;
    private final Map<TopicPartition, Long> frontiers = new ConcurrentHashMap<>();
    private final Set<TopicPartition> assigned = ConcurrentHashMap.newKeySet();
    private final Map<TopicPartition, Long> taken = new ConcurrentHashMap<>();
    private final Map<TopicPartition, Integer> held = new ConcurrentHashMap<>();
    private volatile long elsewhere = Long.MAX_VALUE;

    public Alignment(Duration align) {
        this.align = align.toMillis();
    }

    /// Lets the partitions be read as far apart as this from now on.
    public void is(Duration align) {
        this.align = align.toMillis();
    }

    public Duration align() {
        return Duration.ofMillis(align);
    }

    /// @param time of the partition's next record, or of its last one if the next is not here yet; the smallest number:
    ///     nothing was read of it
    void reached(TopicPartition partition, long time) {
        assigned.add(partition);
        frontiers.put(partition, time);
    }

    /// Everything of the partition was read.
    void isDrained(TopicPartition partition) {
        assigned.add(partition);
        frontiers.remove(partition);
    }

    /// Others read the partition from now on.
    void leaves(TopicPartition partition) {
        frontiers.remove(partition);
        assigned.remove(partition);
        held.remove(partition);
        taken.remove(partition);
    }

    /// A task has taken the record at this offset. Until then it may lie in a queue of Streams, behind records of other
    /// partitions.
    void took(TopicPartition partition, long offset) {
        taken.put(partition, offset);
    }

    /// Returns the offset of the last record that a task has taken; -1: none.
    long taken(TopicPartition partition) {
        return taken.getOrDefault(partition, -1L);
    }

    /// Records of the partition will be taken again.
    void takesAgain(TopicPartition partition) {
        taken.remove(partition);
    }

    /// Returns what was told last of a partition that is read here and has something left; null otherwise.
    @Nullable
    Long reached(TopicPartition partition) {
        return frontiers.get(partition);
    }

    /// @param records of the partition that were fetched and lie beyond the bound
    void holds(TopicPartition partition, int records) {
        if (records == 0) {
            held.remove(partition);
        } else {
            held.put(partition, records);
        }
    }

    /// Returns how many partitions lie too far ahead of others.
    public int heldPartitions() {
        return held.size();
    }

    /// Returns how many records of them were fetched.
    public long heldRecords() {
        return held.values().stream().mapToLong(Integer::longValue).sum();
    }

    /// Returns whether records are held back here, and others decide when they may go on.
    public boolean waitsForOthers() {
        long others = elsewhere;
        return !held.isEmpty() && frontiers.values().stream().allMatch(each -> each > others);
    }

    /// @param least time that partitions have reached which other processes read and which have something left; the
    ///     largest number: there are none
    public void elsewhere(long least) {
        elsewhere = least;
    }

    /// Returns the largest event time that may be taken now.
    long bound() {
        long least = elsewhere;
        for (long each : frontiers.values()) {
            least = Math.min(least, each);
        }
        return least > Long.MAX_VALUE - align ? Long.MAX_VALUE : least + align;
    }

    /// Returns whether a thread of this process reads the partition.
    public boolean isHere(TopicPartition partition) {
        return assigned.contains(partition);
    }
}
