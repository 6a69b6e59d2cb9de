package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.topology.SourceValue.Read;
import io.tidegrad.joiner.topology.SourceValue.Run;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Records of events and labels that a thread has fetched, and holds back while they lie beyond the bound of an `Alignment`.
/// For one thread.
final class HeldRecords {
    /// Records of a partition of which more are not fetched. A fetched batch comes on top.
    private static final int HELD_MAX = 500;

    /// Likewise bytes of their keys and values.
    private static final long HELD_BYTES_MAX = 8 << 20;

    /// Records that are passed on before the times of the partitions are compared again: with one, it costs more than
    /// reading them. A commit is no sooner than at the end of a run.
    private static final int RUN = 64;

    private final Alignment alignment;
    private final Map<String, SourceReader> sources;
    private final boolean inRuns;
    private final Map<TopicPartition, Held> held = new HashMap<>();

    /// What is held of a partition.
    private static final class Held {
        final ArrayDeque<Timed> records = new ArrayDeque<>();
        long bytes;
        final ArrayDeque<Passed> passed = new ArrayDeque<>(); // and not taken by a task yet
        @Nullable
        OffsetAndMetadata next; // after the last record that was fetched
        long reached = Long.MIN_VALUE; // largest time of the records that were taken
    }

    /// @param fetchedAt in the terms of `System.nanoTime`
    private record Timed(ConsumerRecord<byte[], byte[]> record, Read read, long time, long fetchedAt) {
    }

    private static long bytes(ConsumerRecord<byte[], byte[]> record) {
        return (record.key() == null ? 0 : record.key().length) + (record.value() == null ? 0 : record.value().length);
    }

    /// A run that was passed on.
    ///
    /// @param offset of its last record
    /// @param first event time of its first record
    /// @param most largest event time
    private record Passed(long offset, long first, long most) {
    }

    /// @param time of the first record that is held of the partition
    private record Ready(TopicPartition partition, Held of, long time) {
        static final Comparator<Ready> EARLIEST = Comparator.comparingLong(Ready::time)
                .thenComparing(each -> each.partition().topic()).thenComparingInt(each -> each.partition().partition());
    }

    /// Without labels of their own, events pass in runs: a task has one partition, and what it takes has no order beside
    /// others. With labels each record passes by itself, so that a task takes events and labels in the order of their time.
    ///
    /// @param sources what reads the records of events and labels, by topic
    HeldRecords(Alignment alignment, Map<String, SourceReader> sources) {
        this.alignment = alignment;
        this.sources = sources;
        inRuns = sources.size() == 1;
    }

    /// Returns whether the records of this topic are held back.
    boolean holds(String topic) {
        return sources.containsKey(topic);
    }

    /// Takes what a poll has fetched of a partition.
    ///
    /// @param next the offset after it; null: as before
    /// @param now in the terms of `System.nanoTime`
    void take(TopicPartition partition, List<ConsumerRecord<byte[], byte[]>> fetched, @Nullable OffsetAndMetadata next,
            long now) {
        Held of = held.computeIfAbsent(partition, unused -> new Held());
        SourceReader reader = Objects.requireNonNull(sources.get(partition.topic()));
        for (ConsumerRecord<byte[], byte[]> record : fetched) {
            Read read = reader.read(record);
            of.records.add(new Timed(record, read, SourceValue.time(read), now));
            of.bytes += bytes(record);
        }
        if (next != null) {
            of.next = next;
        }
        tell(partition, of);
    }

    private void tell(TopicPartition partition, Held of) {
        long taken = alignment.taken(partition);
        Passed passed = of.passed.peekFirst();
        for (; passed != null && passed.offset() <= taken; passed = of.passed.peekFirst()) {
            of.reached = Math.max(of.reached, passed.most());
            of.passed.removeFirst();
        }
        Timed first = of.records.peekFirst();
        if (passed != null) {
            alignment.reached(partition, Math.max(of.reached, passed.first()));
        } else if (first != null) {
            alignment.reached(partition, Math.max(of.reached, first.time()));
        } else {
            alignment.rests(partition, of.reached);
        }
    }

    /// Returns the partitions of which nothing is here any more, neither held nor on the way to its task.
    List<TopicPartition> resting() {
        return held.entrySet().stream()
                .filter(each -> each.getValue().records.isEmpty() && each.getValue().passed.isEmpty())
                .map(Map.Entry::getKey).toList();
    }

    /// Returns whether the bound lets something pass now.
    ///
    /// @param paused partitions of which nothing is wanted now
    boolean isReady(Set<TopicPartition> paused) {
        held.forEach(this::tell);
        return held.entrySet().stream().anyMatch(each -> {
            Timed first = each.getValue().records.peekFirst();
            return first != null && isDue(first) && !paused.contains(each.getKey());
        });
    }

    /// Passes on what the bound lets pass, which moves with what tasks take: first of the partition whose next record is the
    /// earliest, so that events and labels come near each other. No partition gets more than its share of `max`, because a
    /// partition that wants nothing now may have earlier records.
    ///
    /// @param paused partitions of which nothing is wanted now
    /// @param max the most records
    void release(Set<TopicPartition> paused, int max, Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> to) {
        PriorityQueue<Ready> ready = new PriorityQueue<>(held.size() + 1, Ready.EARLIEST);
        held.forEach((partition, of) -> {
            if (!paused.contains(partition)) {
                addReady(partition, of, ready);
            }
        });
        int most = Math.max(RUN, max / Math.max(1, held.size()));
        int left = max;
        Map<TopicPartition, Integer> shares = new HashMap<>();
        for (Ready next = ready.poll(); next != null && left > 0; next = ready.poll()) {
            int passed =
                    pass(next, Math.min(left, RUN), to.computeIfAbsent(next.partition(), unused -> new ArrayList<>()));
            left -= passed;
            tell(next.partition(), next.of());
            if (shares.merge(next.partition(), passed, Integer::sum) < most) {
                addReady(next.partition(), next.of(), ready);
            }
        }
    }

    private void addReady(TopicPartition partition, Held of, PriorityQueue<Ready> ready) {
        Timed first = of.records.peekFirst();
        if (first != null && isDue(first)) {
            ready.add(new Ready(partition, of, first.time()));
        }
    }

    /// Passes on a record that is due, and those after it that are, at most `max`.
    private int pass(Ready ready, int max, List<ConsumerRecord<byte[], byte[]>> to) {
        Held of = ready.of();
        long bound = Long.MIN_VALUE;
        Timed last = null;
        List<Timed> run = new ArrayList<>();
        for (Timed first = of.records.peekFirst(); first != null && run.size() < max; first = of.records.peekFirst()) {
            if (last == null || last.fetchedAt() != first.fetchedAt()) {
                bound = alignment.bound(first.fetchedAt());
            }
            if (first.time() > bound) {
                break;
            }
            run.add(first);
            of.records.removeFirst();
            of.bytes -= bytes(first.record());
            last = first;
        }
        if (inRuns && last != null) {
            pass(run.getFirst(), new Run(run.stream().map(Timed::read).toList(), last.record().offset()), of, to);
        } else {
            run.forEach(each -> pass(each, new Run(List.of(each.read()), each.record().offset()), of, to));
        }
        return run.size();
    }

    private static void pass(Timed first, Run run, Held of, List<ConsumerRecord<byte[], byte[]>> to) {
        to.add(SourceValue.carrying(first.record(), run));
        of.passed.add(new Passed(run.lastOffset(), first.time(), run.time()));
    }

    private boolean isDue(Timed record) {
        return record.time() <= alignment.bound(record.fetchedAt());
    }

    /// Adds the offset of each partition at which its next record will be passed on.
    ///
    /// @param paused partitions that are left out, as every consumer does it: Streams fails on one whose task is not ready
    void addNext(Set<TopicPartition> paused, Map<TopicPartition, OffsetAndMetadata> to) {
        held.forEach((partition, of) -> {
            if (paused.contains(partition)) {
                return;
            }
            ConsumerRecord<byte[], byte[]> first = first(partition);
            OffsetAndMetadata next =
                    first == null ? of.next : new OffsetAndMetadata(first.offset(), first.leaderEpoch(), "");
            if (next != null) {
                to.put(partition, next);
            }
        });
    }

    /// Returns the first record of a partition that is held; null: none is.
    @Nullable
    ConsumerRecord<byte[], byte[]> first(TopicPartition partition) {
        Held of = held.get(partition);
        Timed first = of == null ? null : of.records.peekFirst();
        return first == null ? null : first.record();
    }

    /// Tells the alignment what of a partition lies beyond the bound, and returns whether something does.
    boolean tellHeld(TopicPartition partition) {
        Held of = held.get(partition);
        Timed first = of == null ? null : of.records.peekFirst();
        if (of == null || first == null || isDue(first)) {
            alignment.holdsNone(partition);
            return false;
        }
        alignment.holds(partition, of.records.size(), first.fetchedAt());
        return true;
    }

    /// Returns whether the next record of a partition is here, and the bound lets it pass.
    boolean isDue(TopicPartition partition) {
        Held of = held.get(partition);
        Timed first = of == null ? null : of.records.peekFirst();
        return first != null && isDue(first);
    }

    boolean isEmpty() {
        return held.values().stream().allMatch(each -> each.records.isEmpty());
    }

    int count(TopicPartition partition) {
        Held of = held.get(partition);
        return of == null ? 0 : of.records.size();
    }

    /// Returns whether so much is held of a partition that no more of it should be fetched.
    boolean isFull(TopicPartition partition) {
        Held of = held.get(partition);
        return of != null && (of.records.size() >= HELD_MAX || of.bytes >= HELD_BYTES_MAX);
    }

    Set<TopicPartition> partitions() {
        return held.keySet();
    }

    /// Forgets what is held of partitions of which other records will be fetched.
    void forget(Collection<TopicPartition> partitions) {
        partitions.forEach(partition -> {
            held.remove(partition);
            alignment.takesAgain(partition);
        });
    }

    /// Forgets partitions that others read from now on.
    void leave(Collection<TopicPartition> partitions) {
        forget(partitions);
        partitions.forEach(alignment::leaves);
    }
}
