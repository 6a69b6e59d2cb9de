package io.tidegrad.joiner.topology;

import io.tidegrad.control.RunStatus;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// What the group of a stream's joiners has committed, as Kafka knows it, whichever instances they are: how much is left to
/// read, and the times of the tasks. It tells the tasks of this process which time they may take without a record:
///
/// - While something is left to read, the least time of those that have something left: all that is still to come comes
///   from there. Tasks that wait for nothing follow it.
/// - When everything was read, time goes on with the time that passes, so that the last events of a quiet stream wait
///   no longer than others. It is never later than the clock.
///
/// What a producer has written in a transaction that is still open can't be read, and is older than the time that passes
/// until it can. So such a partition is not read to its end: it has something left for the time of the others, and none
/// for a lag, or for whoever asks whether joining stands still.
public final class JoinProgress {
    /// Names of the two sides.
    static final String EVENTS = "events";

    static final String LABELS = "labels";

    private final List<TopicPartition> events;
    private final List<TopicPartition> labels;
    private final List<TopicPartition> joined;
    private final StreamTime time;
    private final Alignment alignment;
    private volatile @Nullable Seen seen;
    private final Silence labelsSilence = new Silence();
    private long committedSum = -1;
    private long progressAt; // nanoseconds, when something was committed last, or nothing was left to read
    private final Map<TopicPartition, Hidden> hidden = new HashMap<>();
    private long idleSince; // nanoseconds
    private long idleFrom = Long.MIN_VALUE; // the stream's time then

    /// The producer's transaction that hides records of a partition.
    ///
    /// @param from offset of the first one
    /// @param since nanoseconds, when it was first seen
    private record Hidden(long from, long since) {
    }

    /// A transaction that is open for longer belongs to a producer that is gone or is stuck: a minute is the timeout of
    /// transactions by Kafka's defaults.
    private static final Duration TRANSACTION_MAX = Duration.ofMinutes(1);

    /// @param leastTime of the tasks; empty: no task has one
    /// @param mostTime likewise
    /// @param standstill for how long something has been left to read, and nothing was committed
    /// @param labelsSilent that labels have stopped coming, for people; null: they have not
    /// @param openTransaction that one of a producer has been open for long, for people; null: none has
    /// @param reads how far each partition of events and labels is read
    public record Seen(long eventsLag, long labelsLag, long joinLag, OptionalLong leastTime, OptionalLong mostTime,
            Duration standstill, @Nullable String labelsSilent, @Nullable String openTransaction,
            List<RunStatus.Read> reads) {
        public long lag() {
            return eventsLag + labelsLag + joinLag;
        }
    }

    /// @param joined partitions from which the join takes; the others, if it takes from them directly
    public JoinProgress(List<TopicPartition> events, List<TopicPartition> labels, List<TopicPartition> joined,
            StreamTime time, Alignment alignment) {
        this.events = events;
        this.labels = labels;
        this.joined = joined;
        this.time = time;
        this.alignment = alignment;
    }

    /// Returns what the last look saw; null before the first one.
    @Nullable
    public Seen seen() {
        return seen;
    }

    /// Returns the partitions of events and labels.
    public List<TopicPartition> sources() {
        List<TopicPartition> sources = new ArrayList<>(events);
        sources.addAll(labels);
        return sources;
    }

    /// Returns the partitions that lie between events and labels and the join; empty: none do.
    public List<TopicPartition> between() {
        List<TopicPartition> sources = sources();
        return joined.stream().filter(each -> !sources.contains(each)).toList();
    }

    /// Looks once; from one thread at a time.
    ///
    /// @param ends up to where partitions can be read, asked for before what was committed, so that this is never less than
    ///     it seems; those of `between` after what was committed of `sources`, so that no record is missing in both
    /// @param written where `sources` ended before, open transactions included
    /// @param committed what the group has committed
    /// @param clock the wall clock, epoch milliseconds
    /// @param nanos of a clock that never goes back
    /// @param asked before all of these were asked for, in the terms of `System.nanoTime`
    public void look(Map<TopicPartition, Long> ends, Map<TopicPartition, Long> written,
            Map<TopicPartition, @Nullable OffsetAndMetadata> committed, long clock, long nanos, long asked) {
        String openTransaction = hide(ends, written, nanos);
        long behindElsewhere = Long.MAX_VALUE;
        long leastElsewhere = Long.MAX_VALUE;
        long least = Long.MAX_VALUE; // of those that have something left to read
        boolean known = true;
        boolean drained = true;
        OptionalLong leastTime = OptionalLong.empty();
        OptionalLong mostTime = OptionalLong.empty();
        long settled = Long.MAX_VALUE;
        for (Map.Entry<TopicPartition, Long> end : ends.entrySet()) {
            OffsetAndMetadata offset = committed.get(end.getKey());
            Long task = offset == null ? null : CommitHook.time(offset.metadata());
            if (offset != null && task != null && joined.contains(end.getKey())) {
                leastTime = OptionalLong.of(Math.min(task, leastTime.orElse(task)));
                mostTime = OptionalLong.of(Math.max(task, mostTime.orElse(task)));
                Long swept = CommitHook.swept(offset.metadata());
                settled = Math.min(settled, swept == null ? Long.MIN_VALUE : swept);
            }
            boolean left = offset == null ? end.getValue() > 0 : offset.offset() < end.getValue();
            drained &= !left;
            if (left || hidden.containsKey(end.getKey())) {
                Long reached =
                        task != null ? task : offset == null ? null : CommitHook.partitionTime(offset.metadata());
                known &= reached != null;
                least = Math.min(least, reached == null ? least : reached);
            }
            boolean ofEvents = events.contains(end.getKey());
            if ((ofEvents || labels.contains(end.getKey())) && !alignment.isHere(end.getKey())) {
                long at = offset == null ? Long.MIN_VALUE : frontier(offset.metadata(), ofEvents ? EVENTS : LABELS);
                leastElsewhere = Math.min(leastElsewhere, at);
                behindElsewhere = left ? Math.min(behindElsewhere, at) : behindElsewhere;
            }
        }
        long sum = committed.values().stream().filter(Objects::nonNull).mapToLong(OffsetAndMetadata::offset).sum();
        if (drained || sum != committedSum) {
            committedSum = sum;
            progressAt = nanos;
        }
        labelsSilence.look(labels.stream().mapToLong(each -> ends.getOrDefault(each, 0L)).sum(), nanos);
        alignment.elsewhere(behindElsewhere, leastElsewhere, asked);
        seen = new Seen(lag(events, ends, committed), lag(labels, ends, committed),
                joined.equals(events) ? 0 : lag(joined, ends, committed), leastTime, mostTime,
                Duration.ofNanos(nanos - progressAt), labelsSilence.unusual("label", nanos), openTransaction,
                sources().stream().map(each -> read(each, ends, committed)).toList());
        if (!drained || !hidden.isEmpty()) {
            idleFrom = Long.MIN_VALUE;
            time.is(known && least != Long.MAX_VALUE ? least : Long.MIN_VALUE, false, Long.MIN_VALUE);
            return;
        }
        if (mostTime.isEmpty()) {
            return; // nothing was joined yet
        }
        if (idleFrom == Long.MIN_VALUE) {
            idleFrom = mostTime.getAsLong();
            idleSince = nanos;
        }
        time.is(Math.max(idleFrom, Math.min(clock, idleFrom + (nanos - idleSince) / 1_000_000)), true, settled);
    }

    /// Keeps what is hidden by transactions, and returns which one has been open for long; null: none has.
    private @Nullable String hide(Map<TopicPartition, Long> ends, Map<TopicPartition, Long> written, long nanos) {
        String open = null;
        for (TopicPartition each : sources()) {
            long from = ends.getOrDefault(each, 0L);
            if (written.getOrDefault(each, 0L) <= from) {
                hidden.remove(each);
                continue;
            }
            Hidden before = hidden.get(each);
            Hidden now = before != null && before.from() == from ? before : new Hidden(from, nanos);
            hidden.put(each, now);
            Duration since = Duration.ofNanos(nanos - now.since());
            if (open == null && since.compareTo(TRANSACTION_MAX) > 0) {
                open = "a producer's transaction has been open for " + since.toSeconds() + " s, and what " + each
                        + " has from offset " + from + " on can't be read before it ends";
            }
        }
        return open;
    }

    /// Returns how far a partition was read: to its next record, if its reader holds that back, or else to its last one.
    /// The smallest number: nobody knows.
    private static long frontier(String metadata, String side) {
        Long last = CommitHook.partitionTime(metadata);
        Long next = CommitHook.next(metadata, side);
        return Math.max(last == null ? Long.MIN_VALUE : last, next == null ? Long.MIN_VALUE : next);
    }

    private static RunStatus.Read read(TopicPartition of, Map<TopicPartition, Long> ends,
            Map<TopicPartition, @Nullable OffsetAndMetadata> committed) {
        OffsetAndMetadata offset = committed.get(of);
        return new RunStatus.Read(of.topic(), of.partition(), offset == null ? 0 : offset.offset(),
                ends.getOrDefault(of, 0L));
    }

    private static long lag(List<TopicPartition> partitions, Map<TopicPartition, Long> ends,
            Map<TopicPartition, @Nullable OffsetAndMetadata> committed) {
        long lag = 0;
        for (TopicPartition each : partitions) {
            OffsetAndMetadata offset = committed.get(each);
            lag += Math.max(0, ends.getOrDefault(each, 0L) - (offset == null ? 0 : offset.offset()));
        }
        return lag;
    }
}
