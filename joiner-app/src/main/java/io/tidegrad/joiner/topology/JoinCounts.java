package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.JoinOutput.Counted;
import io.tidegrad.model.stream.Example;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/// What the tasks of a stream in this process have done since it started, for metrics. Work of a transaction that was
/// lost is counted too.
public final class JoinCounts {
    private final LongAdder events = new LongAdder();
    private final LongAdder labels = new LongAdder();
    private final Map<Example.Kind, LongAdder> examples = new EnumMap<>(Example.Kind.class);
    private final Map<Counted, LongAdder> counted = new EnumMap<>(Counted.class);
    private final Map<String, LongAdder> deadLetters = new ConcurrentSkipListMap<>();
    private final Map<Integer, Long> waitingSince = new ConcurrentHashMap<>(); // by task

    private final Placement placement = new Placement();

    public JoinCounts() {
        for (Example.Kind kind : Example.Kind.values()) {
            examples.put(kind, new LongAdder());
        }
        for (Counted what : Counted.values()) {
            counted.put(what, new LongAdder());
        }
    }

    /// A record of a side from which the join takes directly, whose key is its id.
    void lies(boolean ofEvents, byte[] key, int partition, int partitions) {
        placement.saw(ofEvents, key, partition, partitions);
    }

    /// Returns that the two sides are not partitioned alike although they are joined as they lie, for people; null: nothing
    /// speaks for it.
    public @Nullable String partitionersDiffer() {
        return placement.differs();
    }

    void event() {
        events.increment();
    }

    void label() {
        labels.increment();
    }

    void example(Example.Kind kind) {
        Objects.requireNonNull(examples.get(kind)).increment();
    }

    void count(Counted what) {
        Objects.requireNonNull(counted.get(what)).increment();
    }

    void deadLetter(String reason) {
        deadLetters.computeIfAbsent(reason, unused -> new LongAdder()).increment();
    }

    /// @param time of what waits in a task and whose wait ends first; the largest number: nothing waits there
    void waitingSince(int task, long time) {
        if (time == Long.MAX_VALUE) {
            waitingSince.remove(task);
        } else {
            waitingSince.put(task, time);
        }
    }

    /// Returns the least event time of what waits here and is next of its task; empty: nothing waits.
    public OptionalLong waitingSince() {
        return waitingSince.values().stream().mapToLong(Long::longValue).min();
    }

    public long events() {
        return events.sum();
    }

    public long labels() {
        return labels.sum();
    }

    public long examples(Example.Kind kind) {
        return Objects.requireNonNull(examples.get(kind)).sum();
    }

    public long counted(Counted what) {
        return Objects.requireNonNull(counted.get(what)).sum();
    }

    public long deadLetters() {
        return deadLetters.values().stream().mapToLong(LongAdder::sum).sum();
    }

    /// Returns how many dead letters had this reason.
    public long deadLetters(String reason) {
        @Nullable
        LongAdder found = deadLetters.get(reason);
        return found == null ? 0 : found.sum();
    }
}
