package io.tidegrad.joiner.simulation;

import io.tidegrad.joiner.join.Entry;
import io.tidegrad.joiner.join.EntryCodec;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.JoinOutput;
import io.tidegrad.joiner.join.LabelJoin;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.TimeIndexKey;
import io.tidegrad.joiner.verify.Arrival;
import io.tidegrad.joiner.verify.BruteForceJoin.DeadLetter;
import io.tidegrad.joiner.verify.BruteForceJoin.Result;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.proof.Breaker;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// A task of a joiner without Kafka: two logs that it reads, a store of bytes with a time index, and transactions that
/// commit places in the logs, store and output together, or not at all.
final class SimulatedTask {
    /// What a transaction commits.
    private static final class State {
        final int[] places;
        final TreeMap<String, byte[]> entries;
        final TreeSet<byte[]> index;
        final List<Arrival> arrivals;
        final TreeMap<String, Result> results;
        long now;

        State() {
            places = new int[2];
            entries = new TreeMap<>();
            index = new TreeSet<>(Arrays::compareUnsigned);
            arrivals = new ArrayList<>();
            results = new TreeMap<>();
            now = Long.MIN_VALUE;
        }

        State(State of) {
            places = of.places.clone();
            entries = new TreeMap<>(of.entries);
            index = new TreeSet<>(of.index);
            arrivals = new ArrayList<>(of.arrivals);
            results = copy(of.results);
            now = of.now;
        }

        static TreeMap<String, Result> copy(Map<String, Result> results) {
            TreeMap<String, Result> copy = new TreeMap<>();
            results.forEach((id, of) -> copy.put(id, new Result(new ArrayList<>(of.examples()),
                    new ArrayList<>(of.deadLetters()), new EnumMap<>(of.counts()))));
            return copy;
        }
    }

    private final LabelJoin join;
    private final List<List<Arrival>> logs;
    private final Breaker breaker;
    private State committed = new State();
    private State live = new State();

    SimulatedTask(StreamSpec spec, List<List<Arrival>> logs, Breaker breaker) {
        join = new LabelJoin(spec);
        this.logs = logs;
        this.breaker = breaker;
    }

    /// Whether the log has a record that was not taken.
    boolean has(int log) {
        return live.places[log] < logs.get(log).size();
    }

    /// Time of the log's next record.
    long next(int log) {
        return logs.get(log).get(live.places[log]).time();
    }

    void take(int log) {
        take(logs.get(log).get(live.places[log]++));
    }

    void take(Arrival arrival) {
        live.arrivals.add(arrival);
        live.now = Math.max(live.now, arrival.time());
        switch (arrival) {
            case Arrival.OfEvent(String id, var event) -> {
                Entry found = entry(id);
                keep(id, found, join.event(id, found, event, live.now, new Outputs(id, arrival)));
            }
            case Arrival.OfLabel(String id, var label) -> {
                Entry found = entry(id);
                keep(id, found, join.label(id, found, label, live.now, new Outputs(id, arrival)));
            }
            case Arrival.Tick tick -> {
            }
        }
    }

    /// Looks at up to `count` entries whose time has come; returns whether there are more.
    ///
    /// @param clock time of the machine, which nothing may depend on
    boolean punctuate(int count, long clock) {
        long now = breaker == Breaker.EXPIRES_BY_THE_WALL_CLOCK ? Math.max(live.now, clock) : live.now;
        for (int i = 0; i < count; i++) {
            if (live.index.isEmpty() || TimeIndexKey.time(live.index.first()) >= now) {
                return false;
            }
            String id = new String(TimeIndexKey.id(live.index.first()), StandardCharsets.UTF_8);
            Entry found = entry(id);
            if (found == null) {
                throw new AssertionError("the time index has '" + id + "', of which nothing is known");
            }
            Entry left = join.expire(id, found, now, new Outputs(id, null));
            if (breaker == Breaker.KEEPS_AN_EVENT_WAITING && found instanceof Entry.Waiting) {
                live.index.pollFirst();
            } else {
                keep(id, found, left);
            }
        }
        return true;
    }

    private @Nullable Entry entry(String id) {
        byte[] bytes = live.entries.get(id);
        return bytes == null ? null : EntryCodec.decode(bytes, "entry of '" + id + "'");
    }

    private void keep(String id, @Nullable Entry before, @Nullable Entry after) {
        byte[] key = id.getBytes(StandardCharsets.UTF_8);
        if (before != null) {
            live.index.remove(TimeIndexKey.of(join.wakeAt(before), key));
        }
        if (after == null) {
            live.entries.remove(id);
        } else {
            live.entries.put(id, EntryCodec.encode(after));
            live.index.add(TimeIndexKey.of(join.wakeAt(after), key));
        }
    }

    void commit() {
        committed = new State(live);
    }

    /// The open transaction is lost, and another process goes on from the last commit.
    void crash() {
        State lost = live;
        live = new State(committed);
        switch (breaker) {
            case FORGETS_WHAT_IT_KEPT -> {
                live.entries.clear();
                live.index.clear();
            }
            case FORGETS_THE_TIME -> live.now = Long.MIN_VALUE;
            case WRITES_EXAMPLES_OUTSIDE_THE_TRANSACTION -> {
                live.results.clear();
                live.results.putAll(State.copy(lost.results));
            }
            case COMMITS_PLACES_OUTSIDE_THE_TRANSACTION -> {
                live.places[0] = lost.places[0];
                live.places[1] = lost.places[1];
                live.arrivals.clear();
                live.arrivals.addAll(lost.arrivals);
            }
            default -> {
            }
        }
    }

    List<Arrival> committedArrivals() {
        return committed.arrivals;
    }

    Map<String, Result> committedResults() {
        return committed.results;
    }

    /// Ids of which something is known.
    int entries() {
        return live.entries.size();
    }

    private final class Outputs implements JoinOutput {
        private final String id;
        private final @Nullable Arrival at;

        Outputs(String id, @Nullable Arrival at) {
            this.id = id;
            this.at = at;
        }

        private Result result() {
            return live.results.computeIfAbsent(id,
                    unused -> new Result(new ArrayList<>(), new ArrayList<>(), new EnumMap<>(Counted.class)));
        }

        @Override
        public void example(String of, Example example, @Nullable Content content) {
            if (!of.equals(id)) {
                throw new AssertionError("expected an example of '" + id + "', found one of '" + of + "'");
            }
            if (content != null && !new String(content.value(), StandardCharsets.UTF_8)
                    .equals("event at " + example.source().offset())) {
                throw new AssertionError(
                        example + " has the bytes of " + new String(content.value(), StandardCharsets.UTF_8));
            }
            result().examples().add(example);
        }

        @Override
        public void refuse(Reason reason, String detail) {
            result().deadLetters().add(new DeadLetter(reason, switch (at) {
                case Arrival.OfEvent(String of, var event) -> event.at();
                case Arrival.OfLabel(String of, var label) -> label.at();
                case null, default -> throw new AssertionError("refused without a record: " + detail);
            }));
        }

        @Override
        public void orphan(LabelRecord label, String detail) {
            result().deadLetters().add(new DeadLetter(Reason.ORPHAN_LABEL, label.at()));
        }

        @Override
        public void count(Counted what) {
            result().counts().merge(what, 1, Integer::sum);
        }
    }
}
