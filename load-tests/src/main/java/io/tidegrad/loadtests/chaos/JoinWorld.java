package io.tidegrad.loadtests.chaos;

import io.tidegrad.control.StreamOverview;
import io.tidegrad.joiner.verify.StreamVerification;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.Lab;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.Payments;
import io.tidegrad.loadtests.Result;
import io.tidegrad.loadtests.Writer;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.Topics;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// A stream with its joiners and a trainer that learns from its examples: what a load test or a row of a chaos run breaks,
/// and what it is compared with.
final class JoinWorld implements AutoCloseable {
    private static final Duration WITHIN = Duration.ofSeconds(300);
    private static final int LATE_TOLD_MAX = 5;

    private final Setting setting;
    private final Lab lab;
    private final JoinTraffic traffic;
    private final Trainer trainer;
    private final List<Joiner> joiners = new ArrayList<>();
    private final List<String> violations = new ArrayList<>();
    private final Result result = new Result();
    private @Nullable Background writing;
    private long began;

    /// What a world is made of.
    ///
    /// @param stream names its topics and its model
    /// @param rate events a second
    /// @param lateMax the percentage of events, and of verified ids, whose label a task may have read too late
    /// @param joinerMain main class of joiners, and arguments before a joiner's own
    /// @param directory for files of its processes
    /// @param said gets lines for people
    record Setting(Lab lab, Topics topics, String stream, long events, double rate, long seed, double lateMax,
            List<String> joinerMain, List<String> jvmFlags, Path directory, Consumer<String> said) {
    }

    /// Creates topics and stream, and starts the trainer.
    JoinWorld(Setting setting) throws InterruptedException {
        this.setting = setting;
        lab = setting.lab();
        traffic = new JoinTraffic(setting.stream(), setting.events(), setting.seed(), lab.registry());
        traffic.createTopics(lab, Payments.PARTITIONS);
        lab.createStream(setting.topics(), traffic.streamSpec());
        trainer = Trainer.of(lab, setting.topics(), setting.stream(), traffic.modelSpec(), setting.directory(),
                setting.jvmFlags());
    }

    /// Starts a joiner and the trainer, and then writing.
    void start() throws InterruptedException {
        addJoiner();
        trainer.start();
        await("the trainer to learn and the joiner to join", () -> trainer.learns() && joiners.getFirst().tasks() > 0);
        began = System.nanoTime();
        writing = Background.start("events-and-labels", self -> traffic.write(lab.bootstrapServers(), setting.rate()));
    }

    /// Returns whether events are still being written.
    boolean isWriting() {
        Background now = Objects.requireNonNull(writing, "start comes first");
        now.requireHealthy("can't write");
        return !now.isDone();
    }

    /// Waits until everything is written and joined, and stops the joiners.
    void finish() throws InterruptedException {
        double left = (setting.events() - traffic.written()) / setting.rate();
        await("everything written", WITHIN.plusSeconds((long) Math.ceil(left)), () -> !isWriting());
        traffic.tell(result);
        setting.said().accept(String.format(Locale.ROOT, "%,d events and %,.0f labels written in %.0f s",
                traffic.written(), result.number("labels"), LoadTest.secondsSince(began)));
        try (Writer writer = new Writer("ticks", lab.bootstrapServers(), Map.of())) {
            traffic.writeTicks(writer, traffic.end());
        }
        awaitSettled();
        double seconds = LoadTest.secondsSince(began);
        joiners.forEach(Joiner::stop);
        result.put("restarts_after_75", joiners.stream().mapToInt(Supervised::restarts).sum()).put("seconds", seconds);
    }

    /// Compares everything.
    ///
    /// @return what is not as it must be
    List<String> audit() throws InterruptedException {
        compareExamples();
        compareDeadLetters();
        verify();
        compareHash();
        return violations;
    }

    /// What was counted and measured.
    Result result() {
        return result;
    }

    JoinTraffic traffic() {
        return traffic;
    }

    List<Joiner> joiners() {
        return joiners;
    }

    Joiner addJoiner() {
        String name = "joiner-" + (joiners.size() + 1);
        Joiner joiner = new Joiner(name, setting.joinerMain(), lab, setting.topics().prefix(), setting.stream(),
                setting.directory().resolve(name), setting.jvmFlags());
        joiners.add(joiner);
        joiner.start();
        return joiner;
    }

    void await(String expected, Await.Interruptible<Boolean> condition) throws InterruptedException {
        await(expected, WITHIN, condition);
    }

    private void await(String expected, Duration within, Await.Interruptible<Boolean> condition)
            throws InterruptedException {
        Await.until(expected, within, () -> {
            requireAlive();
            return condition.get();
        }, () -> {
            joiners.forEach(Supervised::dumpThreads); // to what is kept of a run that fails
            return "joiners " + healths() + ", trainer at " + trainer.watermark();
        });
    }

    private String healths() throws InterruptedException {
        StringBuilder text = new StringBuilder();
        for (Joiner joiner : joiners) {
            text.append(joiner).append(joiner.isRunning() ? " " : " down ").append(joiner.health()).append("; ");
        }
        return text.toString();
    }

    void requireAlive() {
        joiners.forEach(Supervised::requireAlive);
        trainer.requireAlive();
    }

    /// Stops all joiners but the first.
    void backToOne() throws InterruptedException {
        for (Joiner joiner : joiners.subList(1, joiners.size())) {
            joiner.stop();
        }
        await("the first joiner to have tasks", () -> joiners.getFirst().tasks() > 0);
    }

    boolean allHaveTasks() throws InterruptedException {
        for (Joiner joiner : joiners) {
            if (joiner.tasks() == 0) {
                return false;
            }
        }
        return true;
    }

    TopicPartition examples() {
        return new TopicPartition(setting.topics().examples(setting.stream(), 1), 0);
    }

    /// Returns once a tick among the examples says that everything is.
    private void awaitSettled() throws InterruptedException {
        try (KafkaConsumer<byte[], byte[]> consumer = lab.reader(List.of(examples()))) {
            long[] settled = {Long.MIN_VALUE};
            await("a tick of " + traffic.end() + " among the examples", () -> {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    settled[0] = Math.max(settled[0], Payments.settled(record));
                }
                return settled[0] >= traffic.end();
            });
        }
    }

    /// Returns once an example is there that was not when this was called.
    void awaitExample() throws InterruptedException {
        try (KafkaConsumer<byte[], byte[]> consumer = lab.readerOfNew(examples())) {
            boolean[] found = {false};
            await("one more example", () -> {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> found[0] |= Example.isIn(record.headers()));
                return found[0];
            });
        }
    }

    /// Each event against what is known of it.
    private void compareExamples() throws InterruptedException {
        Map<Long, List<String>> found = new HashMap<>();
        Map<Example.Kind, Long> kinds = new HashMap<>();
        lab.readAll(List.of(examples()), record -> {
            if (record.headers().lastHeader(Tick.HEADER) != null) {
                return;
            }
            try {
                Example example = Example.read(record.headers());
                kinds.merge(example.kind(), 1L, Long::sum);
                long event = Payments.number(record.key());
                if (event < 0 || event >= setting.events() || !Arrays.equals(record.value(), traffic.value(event))) {
                    violations.add("example at " + record.offset() + ": expected the bytes of event " + event);
                    return;
                }
                found.computeIfAbsent(event, none -> new ArrayList<>(2)).add(words(example));
            } catch (ExampleException e) {
                violations.add("example at " + record.offset() + ": " + e.getMessage());
            }
        });
        long readLate = 0;
        for (long event = 0; event < setting.events(); event++) {
            List<String> its = found.getOrDefault(event, List.of());
            if (!its.equals(traffic.examples(event))) {
                if (traffic.areOfRecordsReadApart(event, its)) {
                    readLate++;
                    if (readLate <= LATE_TOLD_MAX) {
                        setting.said().accept(Payments.id(event) + " was read too late: " + its);
                    }
                } else {
                    violations.add(Payments.id(event) + ": expected " + traffic.examples(event) + ", found " + its);
                }
            }
        }
        for (Example.Kind kind : Example.Kind.values()) {
            result.put(kind.code(), kinds.getOrDefault(kind, 0L));
        }
        result.put("read_late", readLate);
        requireFewLate("read_late_percent", "events", readLate, setting.events());
    }

    /// A joiner that goes by the wall clock writes the same examples as one that reads labels late, only many more.
    private void requireFewLate(String name, String of, long late, long all) {
        double percent = 100.0 * late / Math.max(1, all);
        result.put(name, percent);
        String violation = JoinLoad.tooManyLate(of, late, percent, setting.lateMax());
        if (violation != null) {
            violations.add(violation);
        }
    }

    private static String words(Example example) {
        return example.kind().code() + (example.kind() == Example.Kind.CORRECTION ? " " + example.oldLabel() : "") + " "
                + example.label();
    }

    /// Each record that can't be joined has one dead letter.
    private void compareDeadLetters() throws InterruptedException {
        Set<String> expected = new HashSet<>(traffic.refused());
        expected.addAll(traffic.orphans());
        Set<String> orphans = traffic.orphans();
        Set<String> found = new HashSet<>();
        lab.readAll(lab.partitions(setting.topics().deadLetters()), letter -> {
            if (!traffic.topics().contains(KafkaClients.header(letter, DeadLetter.TOPIC))) {
                return;
            }
            String place = KafkaClients.header(letter, DeadLetter.TOPIC) + ":"
                    + KafkaClients.header(letter, DeadLetter.PARTITION) + ":"
                    + KafkaClients.header(letter, "tidegrad-offset");
            if (!found.add(place)) {
                violations.add("expected one dead letter of " + place + ", found another");
            }
            if (KafkaClients.header(letter, DeadLetter.REASON).equals("orphan-label") != orphans.contains(place)) {
                violations.add("dead letter of " + place + ": found the reason "
                        + KafkaClients.header(letter, DeadLetter.REASON));
            }
        });
        result.put("dead_letters", found.size());
        if (!found.equals(expected)) {
            Set<String> missing = new HashSet<>(expected);
            missing.removeAll(found);
            found.removeAll(expected);
            violations.add("dead letters: missing " + missing.size() + " " + missing.stream().limit(3).toList()
                    + ", not expected " + found.size() + " " + found.stream().limit(3).toList());
        }
    }

    /// The topics joined again by brute force.
    private void verify() {
        try (RecordDecoder decoder = RecordDecoder.of(Map.of("schema.registry.url", lab.registryUrl()))) {
            StreamVerification.Result verified =
                    StreamVerification.run(
                            StreamVerification.Options.of(lab.kafka(), setting.topics(),
                                    StreamOverview.read(lab.kafka(), setting.topics(), lab.admin())
                                            .epoch(setting.stream(), OptionalInt.empty())),
                            decoder, lab.admin(), (pass, passes, records) -> {
                            });
            result.put("verified_ids", verified.ids()).put("verified_late", verified.late())
                    .put("verified_undecided", verified.undecided()).put("verified_unsettled", verified.unsettled())
                    .put("verified_different", verified.different());
            requireFewLate("verified_late_percent", "verified ids", verified.late(), verified.ids());
            if (verified.different() + verified.undecided() + verified.unsettled() + verified.lost() > 0) {
                violations.add("verify: " + verified.differences().stream().limit(5).toList() + ", undecided "
                        + verified.undecided() + ", unsettled " + verified.unsettled() + ", lost " + verified.lost());
            }
        }
    }

    /// The trainer against a plain fold over the examples.
    private void compareHash() throws InterruptedException {
        ModelSpec spec = ModelSpec.parse(traffic.modelSpec(), "spec of the load test").onTopic(examples().topic());
        EventFold fold = lab.fold(spec);
        long[] folded = {0, 0};
        lab.readAll(List.of(examples()), record -> {
            fold.fold(record.value(), record.headers());
            folded[0] = record.offset() + 1;
            folded[1] += record.headers().lastHeader(Tick.HEADER) == null ? 1 : 0;
        });
        await("the trainer at " + folded[0] + ", reported", () -> trainer.hasReported(folded[0]));
        String theirs = trainer.report().path("state_hash").asText();
        result.put("examples_folded", folded[1]).put("state_hash", theirs);
        if (!theirs.equals(fold.model().stateHash())) {
            violations.add("expected the trainer to have the state-hash of a fold over the examples at " + folded[0]
                    + ", " + fold.model().stateHash() + ", found " + theirs);
        }
    }

    @Override
    public void close() {
        if (writing != null) {
            writing.interrupt();
        }
        joiners.forEach(Joiner::close);
        trainer.close();
    }
}
