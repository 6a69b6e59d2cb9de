package io.tidegrad.joiner.verify;

import io.tidegrad.engine.random.Murmur3;
import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.JoinOutput.Counted;
import io.tidegrad.joiner.join.JoinOutput.Reason;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.Example.Kind;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.model.stream.StreamSpec.Duplicates;
import io.tidegrad.model.stream.StreamSpec.Late;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The examples and dead letters that a joiner must have made of what a task took: a plain program over all records of
/// an id at once, which keeps no state and forgets nothing. It shares nothing with `LabelJoin` but the records, so that
/// a mistake in one of the two shows.
///
/// It cuts an id's records into lives and the gaps between them. A life is an event and all that comes within its
/// window; its first example follows from which labels came in time, its corrections from the labels after that.
public final class BruteForceJoin {
    /// What became of an id's records.
    ///
    /// @param examples in their order
    /// @param deadLetters in no order
    public record Result(List<Example> examples, List<DeadLetter> deadLetters, Map<Counted, Integer> counts) {
    }

    /// @param at place in the topic of events or of labels; the reason says which
    public record DeadLetter(Reason reason, Position at) {
    }

    /// @param clock the task's time when it took the record
    private record Seen<R>(R record, long clock, int place) {
    }

    /// An event, and what came within its window.
    private record Life(Seen<EventRecord> opening, @Nullable LabelRecord early, List<Seen<EventRecord>> events,
            List<Seen<LabelRecord>> labels) {
        long base() {
            return opening.record().time();
        }
    }

    private record Gap(List<Seen<LabelRecord>> labels) {
    }

    private final StreamSpec spec;
    private final StreamSpec.Join join;
    private final String id;
    private final long wait;
    private final long window;
    private final long end;
    private final List<Example> examples = new ArrayList<>();
    private final List<DeadLetter> deadLetters = new ArrayList<>();
    private final Map<Counted, Integer> counts = new EnumMap<>(Counted.class);

    private BruteForceJoin(StreamSpec spec, StreamSpec.Join join, String id, long end) {
        this.spec = spec;
        this.join = join;
        this.id = id;
        this.end = end;
        wait = join.waitTime().toMillis();
        window = join.window().toMillis();
    }

    /// Returns what must have become of the records of each id.
    ///
    /// @param arrivals all that one task took, in order
    public static Map<String, Result> join(StreamSpec spec, List<? extends Arrival> arrivals) {
        long[] clocks = new long[arrivals.size()];
        long clock = Long.MIN_VALUE;
        Map<String, List<Integer>> places = new TreeMap<>();
        for (int i = 0; i < clocks.length; i++) {
            Arrival arrival = arrivals.get(i);
            clock = Math.max(clock, arrival.time());
            clocks[i] = clock;
            switch (arrival) {
                case Arrival.OfEvent event -> places.computeIfAbsent(event.id(), id -> new ArrayList<>()).add(i);
                case Arrival.OfLabel label -> places.computeIfAbsent(label.id(), id -> new ArrayList<>()).add(i);
                case Arrival.Tick tick -> {
                }
            }
        }
        Map<String, Result> results = new TreeMap<>();
        for (Map.Entry<String, List<Integer>> of : places.entrySet()) {
            List<Arrival> own = new ArrayList<>();
            of.getValue().forEach(place -> own.add(arrivals.get(place)));
            long[] ownClocks = of.getValue().stream().mapToLong(place -> clocks[place]).toArray();
            results.put(of.getKey(), join(spec, of.getKey(), own, ownClocks, clock));
        }
        return results;
    }

    /// Returns what must have become of the records of one id.
    ///
    /// @param arrivals the id's records, in the order in which the task took them
    /// @param clocks the task's time at each
    /// @param end the task's time in the end
    static Result join(StreamSpec spec, String id, List<? extends Arrival> arrivals, long[] clocks, long end) {
        BruteForceJoin one = new BruteForceJoin(spec, Objects.requireNonNull(spec.join()), id, end);
        one.cut(arrivals, clocks);
        return new Result(List.copyOf(one.examples), List.copyOf(one.deadLetters), Map.copyOf(one.counts));
    }

    private void cut(List<? extends Arrival> arrivals, long[] clocks) {
        Life life = null;
        Gap gap = new Gap(new ArrayList<>());
        for (int place = 0; place < clocks.length; place++) {
            long clock = clocks[place];
            if (life != null && clock > life.base() + window) {
                tell(life);
                life = null;
            }
            switch (arrivals.get(place)) {
                case Arrival.OfEvent(String of, EventRecord event) -> {
                    Seen<EventRecord> seen = new Seen<>(event, clock, place);
                    if (life != null) {
                        life.events().add(seen);
                    } else if (clock > event.time() + window) {
                        deadLetters.add(new DeadLetter(Reason.LATE_EVENT, event.at()));
                    } else {
                        life = new Life(seen, heldAtTheEndOf(gap, clock), new ArrayList<>(List.of(seen)),
                                new ArrayList<>());
                        gap = new Gap(new ArrayList<>());
                    }
                }
                case Arrival.OfLabel(String of, LabelRecord label) ->
                    (life == null ? gap.labels() : life.labels()).add(new Seen<>(label, clock, place));
                case Arrival.Tick tick -> throw new IllegalStateException("a tick has no id");
            }
        }
        if (life != null) {
            tell(life);
        }
        heldAtTheEndOf(gap, end);
    }

    /// The label that is kept for an event when the gap ends.
    private @Nullable LabelRecord heldAtTheEndOf(Gap gap, long clockThen) {
        List<Seen<LabelRecord>> labels = gap.labels();
        LabelRecord held = null;
        for (int i = 0; i < labels.size();) {
            Seen<LabelRecord> first = labels.get(i++);
            if (first.record().label() == null) {
                count(Counted.NOTHING_TO_TAKE_BACK);
                continue;
            }
            // All that comes before the first label's window is over, up to a retraction, is about one label.
            long until = first.record().time() + window;
            held = first.record();
            boolean takenBack = false;
            while (i < labels.size() && labels.get(i).clock() <= until && !takenBack) {
                LabelRecord next = labels.get(i++).record();
                takenBack = next.label() == null;
                count(takenBack ? Counted.EARLY_LABEL_TAKEN_BACK : Counted.REPEATED_LABEL);
                held = join.duplicates() == Duplicates.LAST ? next : held;
            }
            long clock = i < labels.size() ? labels.get(i).clock() : clockThen;
            if (!takenBack && clock > until) {
                deadLetters.add(new DeadLetter(Reason.ORPHAN_LABEL, held.at()));
            }
            held = takenBack || clock > until ? null : held;
        }
        return held;
    }

    private void tell(Life life) {
        count(Counted.REPEATED_EVENT, life.events().size() - 1);
        long deadline = life.base() + wait;
        List<Seen<LabelRecord>> labels = life.labels();
        if (life.early() != null) {
            first(Kind.FINAL, life.opening().record(), text(life.early()), life.early().time());
            after(life.opening().record(), text(life.early()), true, labels, deadline);
            return;
        }
        int inTime = 0; // labels and retractions that came in time
        while (inTime < labels.size() && labels.get(inTime).clock() <= deadline) {
            inTime++;
        }
        int deciding = 0; // the first of them that is a label
        while (deciding < inTime && labels.get(deciding).record().label() == null) {
            count(Counted.NOTHING_TO_TAKE_BACK);
            deciding++;
        }
        if (deciding < inTime) {
            Seen<LabelRecord> label = labels.get(deciding);
            EventRecord event = eventBefore(life, label.place(), deadline);
            first(Kind.FINAL, event, text(label.record()), label.record().time());
            after(event, text(label.record()), true, labels.subList(deciding + 1, labels.size()), deadline);
        } else if (end > deadline) {
            EventRecord event = eventBefore(life, Integer.MAX_VALUE, deadline);
            if (join.missing().isPresent()) {
                first(Kind.PROVISIONAL, event, join.missing().get(), null);
            } else {
                count(Counted.UNLABELED);
            }
            after(event, null, join.missing().isPresent(), labels.subList(inTime, labels.size()), deadline);
        }
    }

    /// The event of the example: the one that opened the life, or the last that came while it waited for its label.
    private EventRecord eventBefore(Life life, int place, long deadline) {
        EventRecord event = life.opening().record();
        if (join.duplicates() == Duplicates.LAST) {
            for (Seen<EventRecord> seen : life.events()) {
                if (seen.place() < place && seen.clock() <= deadline) {
                    event = seen.record();
                }
            }
        }
        return event;
    }

    /// @param given the label of the first example, where a record gave it
    /// @param exists whether there is a first example
    private void after(EventRecord event, @Nullable String given, boolean exists, List<Seen<LabelRecord>> labels,
            long deadline) {
        String missing = join.missing().orElse(null);
        String inForce = given;
        boolean hasExample = exists;
        for (Seen<LabelRecord> seen : labels) {
            LabelRecord record = seen.record();
            String said = record.label();
            boolean tooLate = seen.clock() > deadline && join.late() == Late.DROP;
            if (said == null && inForce == null) {
                count(Counted.NOTHING_TO_TAKE_BACK);
            } else if (said != null && inForce != null
                    && (join.duplicates() == Duplicates.FIRST || meanTheSame(said, inForce))) {
                count(Counted.REPEATED_LABEL);
            } else if (tooLate) {
                deadLetters.add(new DeadLetter(Reason.LATE_LABEL, record.at()));
            } else if (!hasExample) {
                first(Kind.FINAL, event, said == null ? "" : said, record.time());
                hasExample = true;
                inForce = said;
            } else {
                String shownBefore = inForce == null ? missing : inForce;
                String shownAfter = said == null ? missing : said;
                if (shownBefore != null && shownAfter != null && meanTheSame(shownBefore, shownAfter)) {
                    count(Counted.UNCHANGED_LABEL);
                } else {
                    examples.add(
                            example(Kind.CORRECTION, event, shownAfter, shownBefore, event.weight(), record.time()));
                }
                inForce = said;
            }
        }
    }

    private void first(Kind kind, EventRecord event, String label, @Nullable Long labelTime) {
        double weight = event.weight();
        StreamSpec.Sample sample = spec.sample();
        if (sample != null && meanTheSame(label, sample.label())) {
            long hash = Murmur3.hash(id.getBytes(StandardCharsets.UTF_8), 1) & 0xffffffffL;
            if (hash >= Math.rint(sample.negatives() * 4_294_967_296.0)) {
                count(Counted.SAMPLED_OUT);
                return;
            }
            weight /= sample.negatives();
        }
        examples.add(example(kind, event, label, null, weight, labelTime));
    }

    private Example example(Kind kind, EventRecord event, @Nullable String label, @Nullable String oldLabel,
            double weight, @Nullable Long labelTime) {
        return new Example(kind, label, oldLabel, weight,
                new Example.Source(spec.events().topic(), event.at().partition(), event.at().offset()), event.time(),
                labelTime);
    }

    private static String text(LabelRecord label) {
        String text = label.label();
        if (text == null) {
            throw new IllegalStateException("a retraction has no label");
        }
        return text;
    }

    private static boolean meanTheSame(String one, String other) {
        return one.equals(other) || isTrue(one) && isTrue(other) || isFalse(one) && isFalse(other);
    }

    private static boolean isTrue(String label) {
        return label.equals("1") || label.equals("true");
    }

    private static boolean isFalse(String label) {
        return label.equals("0") || label.equals("false");
    }

    private void count(Counted what) {
        count(what, 1);
    }

    private void count(Counted what, int times) {
        if (times > 0) {
            counts.merge(what, times, Integer::sum);
        }
    }
}
