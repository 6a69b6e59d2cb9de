package io.tidegrad.joiner.simulation;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.JoinOutput.Counted;
import io.tidegrad.joiner.join.JoinOutput.Reason;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.verify.Arrival;
import io.tidegrad.joiner.verify.BruteForceJoin;
import io.tidegrad.joiner.verify.BruteForceJoin.DeadLetter;
import io.tidegrad.joiner.verify.BruteForceJoin.Result;
import io.tidegrad.joiner.verify.PossibleJoins;
import io.tidegrad.joiner.verify.PossibleJoins.Possible;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.Example.Kind;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.proof.Breaker;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// One schedule, a function of its seed: a stream's policy, two logs of events and labels, and in which order a task
/// takes from them, looks at what is over, commits and crashes. Times are small numbers, so that many are equal or lie
/// on a boundary.
final class Schedule {
    private static final String[] LABELS = {"0", "1", "false", "true", "2.5", "Ü"};
    private static final int[] WAITS = {0, 5, 20, 60};
    private static final int[] WINDOWS = {60, 1_000, 2_000};

    private static final int POSSIBLE_RECORDS_MAX = 4; // for more of them a schedule would take too long

    private final SplittableRandom random;
    private final StreamSpec spec;
    private final List<Arrival> events = new ArrayList<>();
    private final List<Arrival> labels = new ArrayList<>();
    private final SimulatedTask task;
    private final Map<Kind, Integer> kinds = new EnumMap<>(Kind.class);
    private final Map<Counted, Integer> counts = new EnumMap<>(Counted.class);
    private final Map<Reason, Integer> reasons = new EnumMap<>(Reason.class);

    private Schedule(long seed, Breaker breaker) {
        random = new SplittableRandom(seed);
        spec = StreamSpec.parse(spec(), "seed " + seed);
        fillLogs();
        task = new SimulatedTask(spec, List.of(events, labels), breaker);
    }

    /// What happened in a schedule.
    record Outcome(Map<Kind, Integer> kinds, Map<Counted, Integer> counts, Map<Reason, Integer> reasons) {
    }

    /// @throws AssertionError something is wrong, with the seed
    static Outcome run(long seed, Breaker breaker) {
        Schedule schedule = new Schedule(seed, breaker);
        try {
            schedule.run();
            schedule.compare();
        } catch (AssertionError | RuntimeException wrong) {
            throw new AssertionError("seed " + seed + " with " + schedule.spec.canonical() + ": " + wrong.getMessage(),
                    wrong);
        }
        return new Outcome(schedule.kinds, schedule.counts, schedule.reasons);
    }

    private int pick(int... from) {
        return from[random.nextInt(from.length)];
    }

    private String spec() {
        StringBuilder yaml = new StringBuilder("""
                stream: simulated
                events: { topic: events, key: id }
                labels: { topic: labels, key: id, value: label }
                """);
        int window = pick(WINDOWS);
        yaml.append("join: { wait: PT").append(pick(WAITS)).append("S, window: PT").append(window)
                .append("S, missing: ")
                .append(random.nextInt(3) == 0 ? "drop" : "\"" + LABELS[random.nextInt(LABELS.length)] + "\"")
                .append(", late: ").append(random.nextInt(3) == 0 ? "drop" : "correct").append(", duplicates: ")
                .append(random.nextBoolean() ? "first" : "last").append(" }\n");
        if (random.nextInt(3) == 0) {
            yaml.append("sample: { negatives: 0.5, label: ").append(random.nextBoolean() ? "0" : "false")
                    .append(" }\n");
        }
        return yaml.toString();
    }

    private void fillLogs() {
        int ids = 1 + random.nextInt(8);
        int span = pick(30, 200, 3_000);
        for (int i = 0; i < ids; i++) {
            String id = "id-" + i;
            long time = random.nextInt(span);
            for (int events = random.nextInt(3); events >= 0; events--) {
                // The same event again has the same time, another one of the same id another.
                long of = random.nextInt(3) > 0 ? time : random.nextInt(span);
                this.events.add(new Arrival.OfEvent(id, event(of * 1_000)));
            }
            for (int labels = random.nextInt(5); labels > 0; labels--) {
                long of =
                        random.nextInt(4) == 0 ? random.nextInt(span) : time + pick(0, 0, 1, 5, 20, 60, 61, 300, 1_000);
                String text = random.nextInt(5) == 0 ? null : LABELS[random.nextInt(LABELS.length)];
                this.labels.add(new Arrival.OfLabel(id, label(of * 1_000, text)));
            }
        }
        for (int ticks = random.nextInt(3); ticks > 0; ticks--) {
            events.add(new Arrival.Tick(random.nextInt(span) * 1_000L));
        }
        int jitter = pick(0, 10, 100);
        order(events, jitter);
        order(labels, jitter);
    }

    /// By time, but for some that come late.
    private void order(List<Arrival> log, int jitterSeconds) {
        Map<Arrival, Long> times = new IdentityHashMap<>();
        log.forEach(arrival -> times.put(arrival, arrival.time() + 1_000L * random.nextInt(jitterSeconds + 1)));
        log.sort(Comparator.comparing(arrival -> Objects.requireNonNull(times.get(arrival))));
        for (int offset = 0; offset < log.size(); offset++) {
            Arrival arrival = log.get(offset);
            Position at = new Position(3, offset);
            log.set(offset, switch (arrival) {
                case Arrival.OfEvent(String id, EventRecord event) ->
                    new Arrival.OfEvent(id, new EventRecord(event.time(), at, event.weight(), content(offset)));
                case Arrival.OfLabel(String id, LabelRecord label) -> new Arrival.OfLabel(id,
                        new LabelRecord(label.time(), at, label.label(), label.key(), label.value()));
                case Arrival.Tick tick -> tick;
            });
        }
    }

    private static EventRecord.Content content(int offset) {
        return new EventRecord.Content(("event at " + offset).getBytes(StandardCharsets.UTF_8));
    }

    private EventRecord event(long time) {
        return new EventRecord(time, new Position(0, 0), random.nextBoolean() ? 1 : random.nextInt(100) / 8.0,
                content(0));
    }

    private static LabelRecord label(long time, @Nullable String text) {
        return new LabelRecord(time, new Position(0, 0), text, null, null);
    }

    private void run() {
        while (task.has(0) || task.has(1)) {
            switch (random.nextInt(10)) {
                case 0 -> task.punctuate(1 + random.nextInt(3), random.nextInt(5_000) * 1_000L);
                case 1 -> task.commit();
                case 2 -> {
                    if (random.nextInt(3) == 0) {
                        task.crash();
                    }
                }
                default -> task.take(side());
            }
        }
        if (random.nextBoolean()) { // so that all windows end
            task.take(new Arrival.Tick(10_000_000));
        }
        while (task.punctuate(10, 0)) {
        }
        task.commit();
    }

    /// Mostly the side whose next record is earlier, as Kafka Streams takes them, but not always.
    private int side() {
        if (!task.has(0) || !task.has(1)) {
            return task.has(0) ? 0 : 1;
        }
        return random.nextInt(8) == 0 ? random.nextInt(2) : task.next(0) <= task.next(1) ? 0 : 1;
    }

    private void compare() {
        Map<String, Result> expected = BruteForceJoin.join(spec, task.committedArrivals());
        Map<String, Result> found = task.committedResults();
        Set<String> ids = new HashSet<>(expected.keySet());
        ids.addAll(found.keySet());
        Result none = new Result(List.of(), List.of(), Map.of());
        for (String id : ids) {
            Result one = expected.getOrDefault(id, none);
            Result other = found.getOrDefault(id, none);
            same(id + ": examples", one.examples(), other.examples());
            same(id + ": dead letters", sorted(one.deadLetters()), sorted(other.deadLetters()));
            same(id + ": counts", one.counts(), other.counts());
            checkLaws(id, other);
            checkPossible(id, other);
            other.examples().forEach(example -> kinds.merge(example.kind(), 1, Integer::sum));
            other.counts().forEach((what, times) -> counts.merge(what, times, Integer::sum));
            other.deadLetters().forEach(letter -> reasons.merge(letter.reason(), 1, Integer::sum));
        }
    }

    private void same(String what, Object expected, Object found) {
        if (!expected.equals(found)) {
            throw new AssertionError(
                    what + ": expected " + expected + ", found " + found + " after " + task.committedArrivals());
        }
    }

    private static List<DeadLetter> sorted(List<DeadLetter> letters) {
        return letters.stream()
                .sorted(Comparator.comparing(DeadLetter::reason).thenComparing(letter -> letter.at().offset()))
                .toList();
    }

    /// Who knows only the logs must find possible what the task made of them.
    private void checkPossible(String id, Result result) {
        long now = Long.MIN_VALUE;
        long ahead = 0;
        for (Arrival arrival : task.committedArrivals()) {
            now = Math.max(now, arrival.time());
            ahead = Math.max(ahead, now - arrival.time());
        }
        List<Arrival> ownEvents = events.stream().filter(Schedule.of(id)).toList();
        List<Arrival> ownLabels = labels.stream().filter(Schedule.of(id)).toList();
        if (ownEvents.size() + ownLabels.size() > POSSIBLE_RECORDS_MAX) {
            return;
        }
        Possible possible = PossibleJoins.of(spec, id, List.of(ownEvents, ownLabels), Duration.ofMillis(ahead), now);
        Set<List<Example>> examples = possible.results().stream().map(Result::examples).collect(Collectors.toSet());
        if (possible.whole() && !examples.contains(result.examples())) {
            throw new AssertionError(id + ": expected one of " + examples + ", found " + result.examples());
        }
    }

    private static Predicate<Arrival> of(String id) {
        return arrival -> switch (arrival) {
            case Arrival.OfEvent event -> event.id().equals(id);
            case Arrival.OfLabel label -> label.id().equals(id);
            case Arrival.Tick tick -> false;
        };
    }

    /// What must hold whatever the rules are: an event has one first example at most, and a correction corrects what was
    /// said before.
    private void checkLaws(String id, Result result) {
        Set<Example.Source> firsts = new HashSet<>();
        Example before = null;
        for (Example example : result.examples()) {
            boolean isFirst = example.kind() != Kind.CORRECTION;
            if (isFirst && !firsts.add(example.source())) {
                throw new AssertionError(id + ": two first examples of " + example.source());
            }
            Example corrected = before != null && before.source().equals(example.source()) ? before : null;
            if (!isFirst && corrected != null && !Objects.equals(corrected.label(), example.oldLabel())
                    && !result.counts().containsKey(Counted.UNCHANGED_LABEL)) {
                throw new AssertionError(id + ": " + example + " corrects another label than " + corrected + " has");
            }
            if (!isFirst && corrected == null && spec.sample() == null) {
                throw new AssertionError(id + ": " + example + " corrects nothing");
            }
            before = example;
        }
    }
}
