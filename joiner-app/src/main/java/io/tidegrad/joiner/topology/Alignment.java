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
    /// Records of a partition that are left to read when the joiner is far behind.
    private static final int FAR_BEHIND = 10_000;

    private volatile long align;
    private final Map<TopicPartition, Long> frontiers = new ConcurrentHashMap<>();
    private final Map<TopicPartition, Long> drained = new ConcurrentHashMap<>(); // since when, nanoseconds
    private final Set<TopicPartition> assigned = ConcurrentHashMap.newKeySet();
    private final Map<TopicPartition, Long> taken = new ConcurrentHashMap<>();
    private final Map<TopicPartition, Held> held = new ConcurrentHashMap<>();
    private final Set<TopicPartition> farBehind = ConcurrentHashMap.newKeySet();
    private volatile @Nullable Others others; // null: nobody has looked since a partition left
    private long leftAt = System.nanoTime(); // when one left last; guarded by this

    /// Records of a partition that were fetched and lie beyond the bound.
    ///
    /// @param since when the first of them was fetched, in the terms of `System.nanoTime`
    private record Held(int records, long since) {
    }

    /// How far other processes have read.
    ///
    /// @param behind least time of their partitions that have something left to read; the largest number: none has
    /// @param least time of all their partitions
    /// @param at when Kafka was asked, in the terms of `System.nanoTime`
    private record Others(long behind, long least, long at) {
    }

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

    /// @param time of the partition's next record; the smallest number: nothing was read of it
    void reached(TopicPartition partition, long time) {
        drained.remove(partition);
        rests(partition, time);
    }

    /// The next record of the partition is not here. Whether there is one is not known.
    ///
    /// @param time of its last one; the smallest number: nothing was read of it
    void rests(TopicPartition partition, long time) {
        assigned.add(partition);
        frontiers.put(partition, time);
    }

    /// There was no next record of the partition at a moment, as its broker said.
    ///
    /// @param at in the terms of `System.nanoTime`
    void isDrained(TopicPartition partition, long at) {
        assigned.add(partition);
        drained.put(partition, at);
    }

    /// Others read the partition from now on.
    void leaves(TopicPartition partition) {
        frontiers.remove(partition);
        drained.remove(partition);
        assigned.remove(partition);
        held.remove(partition);
        taken.remove(partition);
        farBehind.remove(partition);
        synchronized (this) {
            leftAt = System.nanoTime();
            others = null;
        }
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
        drained.remove(partition);
        taken.remove(partition);
    }

    /// Returns what was told last of a partition that is read here and has something left; null otherwise.
    @Nullable
    Long reached(TopicPartition partition) {
        return drained.containsKey(partition) ? null : frontiers.get(partition);
    }

    /// @param records of the partition that were fetched and lie beyond the bound
    /// @param since when the first of them was fetched, in the terms of `System.nanoTime`
    void holds(TopicPartition partition, int records, long since) {
        held.put(partition, new Held(records, since));
    }

    /// No record of the partition lies beyond the bound.
    void holdsNone(TopicPartition partition) {
        held.remove(partition);
    }

    /// Returns whether a record waits here to hear that the partition, of which nothing is here, has nothing left. An answer
    /// is good for all records that were fetched before it.
    boolean isAwaited(TopicPartition partition) {
        Long since = drained.get(partition);
        return since == null || held.values().stream().anyMatch(each -> since - each.since() < 0);
    }

    /// Returns whether records of the partition are here that lie beyond the bound.
    boolean isHeld(TopicPartition partition) {
        return held.containsKey(partition);
    }

    /// @param lag records of the partition that were not fetched; 0 of one that lies beyond the bound
    void lags(TopicPartition partition, long lag) {
        if (lag < FAR_BEHIND) {
            farBehind.remove(partition);
        } else {
            farBehind.add(partition);
        }
    }

    /// Returns whether much is left to read, and this process waits for no other one: two that wait for each other in turns
    /// go on by `align` at each commit.
    boolean isFarBehind() {
        return !farBehind.isEmpty() && !waitsForOthers();
    }

    /// Returns how many partitions lie too far ahead of others.
    public int heldPartitions() {
        return held.size();
    }

    /// Returns how many records of them were fetched.
    public long heldRecords() {
        return held.values().stream().mapToLong(Held::records).sum();
    }

    /// Returns whether records are held back here, and others decide when they may go on.
    public boolean waitsForOthers() {
        Others others = this.others;
        return !held.isEmpty() && (others == null || frontiers.entrySet().stream()
                .allMatch(each -> each.getValue() > others.least || drained.containsKey(each.getKey())));
    }

    /// Tells how far other processes have read. A look that began before a partition left knows nothing of it.
    ///
    /// @param behind least time that their partitions have reached which have something left; the largest number: there are
    ///     none
    /// @param least likewise, of all their partitions
    /// @param at when Kafka was asked, in the terms of `System.nanoTime`
    void elsewhere(long behind, long least, long at) {
        synchronized (this) {
            if (at - leftAt >= 0) {
                others = new Others(behind, least, at);
            }
        }
    }

    /// Returns the largest event time that a record may have that is taken now. A partition holds nobody back that had nothing
    /// left when the record was here already: what is written to it later may be as new. Of what others read, a look says so
    /// that began when the record was here.
    ///
    /// @param fetchedAt since when the record has been here, in the terms of `System.nanoTime`
    long bound(long fetchedAt) {
        Others others = this.others;
        long least = others == null ? Long.MIN_VALUE : others.at - fetchedAt < 0 ? others.least : others.behind;
        for (Map.Entry<TopicPartition, Long> each : frontiers.entrySet()) {
            Long since = drained.get(each.getKey());
            if (since == null || since - fetchedAt < 0) {
                least = Math.min(least, each.getValue());
            }
        }
        return least > Long.MAX_VALUE - align ? Long.MAX_VALUE : least + align;
    }

    /// Returns whether a thread of this process reads the partition.
    public boolean isHere(TopicPartition partition) {
        return assigned.contains(partition);
    }
}
