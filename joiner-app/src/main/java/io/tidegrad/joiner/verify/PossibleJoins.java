package io.tidegrad.joiner.verify;

import io.tidegrad.joiner.verify.BruteForceJoin.Result;
import io.tidegrad.model.stream.StreamSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/// All that may have become of an id's records when only the topics are known and not the order in which a task took
/// from them. What each possible order gives is left to `BruteForceJoin`.
///
/// A task takes the records of one partition in their order, and those of different partitions in any. Its time at a
/// record is at least the record's own and never goes back; and it is at most `ahead` more than the record's, where
/// `ahead` bounds how far a record may come behind the newest one: what the topics are out of order, and what their
/// partitions are read apart. Of all those times only such matter as lie on another side of some deadline.
public final class PossibleJoins {
    /// Orders and times that are tried for one id. Ten records of an id in two partitions have 252 orders.
    private static final int TRIED_MAX = 200_000;

    private final StreamSpec spec;
    private final String id;
    private final List<List<Arrival>> partitions;
    private final long ahead;
    private final long end;
    private final TreeSet<Long> deadlines = new TreeSet<>();
    private final Set<Result> results = new LinkedHashSet<>();
    private int tried;

    private PossibleJoins(StreamSpec spec, String id, List<List<Arrival>> partitions, long ahead, long end) {
        this.spec = spec;
        this.id = id;
        this.partitions = partitions;
        this.ahead = ahead;
        this.end = end;
        StreamSpec.Join join = Objects.requireNonNull(spec.join(), "a stream with labels in its events has no join");
        for (List<Arrival> partition : partitions) {
            for (Arrival arrival : partition) {
                deadlines.add(arrival.time() + join.waitTime().toMillis());
                deadlines.add(arrival.time() + join.window().toMillis());
            }
        }
    }

    /// What can have become of an id's records.
    ///
    /// @param whole false: there are so many orders that not all were tried
    public record Possible(Set<Result> results, boolean whole) {
    }

    /// @param partitions the id's records in each partition that has some, in their order there
    /// @param ahead how far the task's time can lie ahead of a record that it takes
    /// @param end the task's time in the end
    public static Possible of(StreamSpec spec, String id, List<? extends List<? extends Arrival>> partitions,
            Duration ahead, long end) {
        List<List<Arrival>> copies = new ArrayList<>();
        partitions.forEach(partition -> copies.add(List.copyOf(partition)));
        PossibleJoins joins = new PossibleJoins(spec, id, copies, ahead.toMillis(), end);
        int records = copies.stream().mapToInt(List::size).sum();
        joins.tryFrom(new int[copies.size()], new ArrayList<>(records), new long[records]);
        return new Possible(joins.results, joins.tried < TRIED_MAX);
    }

    private void tryFrom(int[] places, List<Arrival> taken, long[] clocks) {
        if (tried >= TRIED_MAX) {
            return;
        }
        if (taken.size() == clocks.length) {
            tried++;
            results.add(BruteForceJoin.join(spec, id, taken, clocks, end));
            return;
        }
        long before = taken.isEmpty() ? Long.MIN_VALUE : clocks[taken.size() - 1];
        for (int partition = 0; partition < places.length; partition++) {
            if (places[partition] == partitions.get(partition).size()) {
                continue;
            }
            Arrival next = partitions.get(partition).get(places[partition]++);
            int at = taken.size();
            taken.add(next);
            long earliest = Math.max(before, next.time());
            long latest = Math.min(end, next.time() + ahead);
            if (earliest <= latest) {
                clocks[at] = earliest;
                tryFrom(places, taken, clocks);
                for (long deadline : deadlines.subSet(earliest, latest)) {
                    clocks[at] = deadline + 1;
                    tryFrom(places, taken, clocks);
                }
            }
            taken.removeLast();
            places[partition]--;
        }
    }
}
