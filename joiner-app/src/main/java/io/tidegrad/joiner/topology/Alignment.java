package io.tidegrad.joiner.topology;

import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.TopicPartition;

/// How far in event time the partitions of events and labels were read, and how far each may be: no further than `align`
/// beyond the least one that has something left to read. All threads of a process share it, and it hears of other
/// processes from what they have committed. It shapes the order of the examples, and nothing hangs on it but that.
public final class Alignment {
    private final long align;
    private final Map<TopicPartition, Long> frontiers = new ConcurrentHashMap<>();
    private final Set<TopicPartition> assigned = ConcurrentHashMap.newKeySet();
    private volatile long elsewhere = Long.MAX_VALUE;

    public Alignment(Duration align) {
        this.align = align.toMillis();
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
