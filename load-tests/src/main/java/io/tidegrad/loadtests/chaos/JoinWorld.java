package io.tidegrad.loadtests.chaos;

import io.tidegrad.control.Decisions;
import io.tidegrad.control.StreamDecisions;
import io.tidegrad.control.StreamOverview;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.joiner.verify.StreamVerification;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.loadtests.Result;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.TrainerMain;
import java.nio.charset.StandardCharsets;
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
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/// A stream with its joiners and a trainer that learns from its examples: what a load test or a row of a chaos run breaks,
/// and what it is compared with.
final class JoinWorld implements AutoCloseable {
    private static final Duration WITHIN = Duration.ofSeconds(300);
    private static final int LATE_TOLD_MAX = 5;

    private final Setting setting;
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
    record Setting(LocalStack stack, SchemaRegistry registry, Admin admin, Topics topics, String stream, long events,
            double rate, long seed, double lateMax, List<String> joinerMain, List<String> jvmFlags, Path directory,
            Consumer<String> said) {
    }

    /// Creates topics and stream, and starts the trainer.
    JoinWorld(Setting setting) throws InterruptedException {
        this.setting = setting;
        traffic = new JoinTraffic(setting.stream(), setting.events(), setting.seed(), setting.registry());
        Map<String, String> forEver = Map.of("retention.ms", "-1");
        for (String topic : List.of(traffic.eventsTopic(), traffic.labelsTopic())) {
            KafkaClients.answer(setting.admin()
                    .createTopics(List.of(new NewTopic(topic, JoinTraffic.PARTITIONS, (short) 1).configs(forEver)))
                    .all());
        }
        Await.until("the topics that were created", WITHIN,
                () -> KafkaClients.answer(setting.admin().listTopics().names())
                        .containsAll(List.of(traffic.eventsTopic(), traffic.labelsTopic())),
                () -> "none");
        new StreamDecisions(kafka(), setting.topics(), setting.admin(), (short) -1,
                new Decisions.By("load-test", "a load test"))
                .create(StreamSpec.parse(traffic.streamSpec(), "spec of the load test"), null);
        Path spec = Processes.write(setting.directory().resolve("spec.yaml"), traffic.modelSpec());
        trainer = Trainer.of("trainer", setting.stream(), setting.directory().resolve("trainer"), setting.jvmFlags(),
                Processes.trainer(List.of(TrainerMain.class.getName()), setting.stack().bootstrapServers(),
                        setting.stack().registryUrl(),
                        List.of("--prefix", setting.topics().prefix(), "--spec", spec.toString())));
    }

    private KafkaSettings kafka() {
        return KafkaSettings.of(setting.stack().bootstrapServers());
    }

    /// Starts a joiner and the trainer, and then writing.
    void start() throws InterruptedException {
        addJoiner();
        trainer.start();
        await("the trainer to learn and the joiner to join", () -> trainer.learns() && joiners.getFirst().tasks() > 0);
        began = System.nanoTime();
        writing = Background.start("events-and-labels",
                self -> traffic.write(setting.stack().bootstrapServers(), setting.rate()));
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
        setting.said().accept(String.format(Locale.ROOT, "%,d events and %,d labels written in %.0f s",
                traffic.written(), traffic.labels(), LoadTest.secondsSince(began)));
        traffic.writeTicks(setting.stack().bootstrapServers());
        awaitSettled();
        double seconds = LoadTest.secondsSince(began);
        joiners.forEach(Joiner::stop);
        result.put("events", traffic.written()).put("labels", traffic.labels()).put("late_labels", traffic.late())
                .put("duplicates", traffic.duplicates()).put("retractions", traffic.retractions())
                .put("orphans", traffic.orphans().size()).put("unreadable", traffic.refused().size())
                .put("restarts_after_75", joiners.stream().mapToInt(Supervised::restarts).sum())
                .put("seconds", seconds);
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
        Joiner joiner = Joiner.of("joiner-" + (joiners.size() + 1), setting.joinerMain(), setting.stack(),
                setting.topics().prefix(), setting.stream(),
                setting.directory().resolve("joiner-" + (joiners.size() + 1)), setting.jvmFlags());
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
        List<Supervised> all = new ArrayList<>(joiners);
        all.add(trainer);
        for (Supervised each : all) {
            Supervised.Ended ended = each.ended();
            if (ended != null) {
                throw new LoadTestException("expected the " + each + " to go on or to ask for a restart, found that"
                        + " it ended with status " + ended.status() + ": " + World.lastLine(ended.said()));
            }
        }
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
        try (KafkaConsumer<byte[], byte[]> consumer = reader(List.of(examples()))) {
            long[] settled = {Long.MIN_VALUE};
            await("a tick of " + traffic.end() + " among the examples", () -> {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    Header tick = record.headers().lastHeader(Tick.HEADER);
                    Long time = tick == null ? null : Tick.eventTime(tick);
                    settled[0] = time == null ? settled[0] : Math.max(settled[0], time);
                }
                return settled[0] >= traffic.end();
            });
        }
    }

    /// Returns once an example is there that was not when this was called.
    void awaitExample() throws InterruptedException {
        try (KafkaConsumer<byte[], byte[]> consumer = reader(List.of(examples()))) {
            consumer.seek(examples(), KafkaClients.end(setting.admin(), examples(), IsolationLevel.READ_UNCOMMITTED));
            boolean[] found = {false};
            await("one more example", () -> {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> found[0] |= Example.isIn(record.headers()));
                return found[0];
            });
        }
    }

    private KafkaConsumer<byte[], byte[]> reader(List<TopicPartition> partitions) {
        KafkaConsumer<byte[], byte[]> consumer = KafkaClients.reader(setting.stack().bootstrapServers(), Map.of());
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        return consumer;
    }

    private void readAll(List<TopicPartition> partitions, Consumer<ConsumerRecord<byte[], byte[]>> each) {
        try (KafkaConsumer<byte[], byte[]> consumer = reader(partitions)) {
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                consumer.poll(Duration.ofMillis(100)).forEach(each);
            }
        }
    }

    /// Each event against what is known of it.
    private void compareExamples() {
        Map<Long, List<String>> found = new HashMap<>();
        Map<Example.Kind, Long> kinds = new HashMap<>();
        readAll(List.of(examples()), record -> {
            if (record.headers().lastHeader(Tick.HEADER) != null) {
                return;
            }
            try {
                Example example = Example.read(record.headers());
                kinds.merge(example.kind(), 1L, Long::sum);
                long event = traffic.number(new String(record.key(), StandardCharsets.UTF_8));
                if (event < 0 || !Arrays.equals(record.value(), traffic.value(event))) {
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
                        setting.said().accept(JoinTraffic.id(event) + " was read too late: " + its);
                    }
                } else {
                    violations.add(JoinTraffic.id(event) + ": expected " + traffic.examples(event) + ", found " + its);
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
        int partitions = KafkaClients.answer(setting.admin().describeTopics(List.of(setting.topics().deadLetters()))
                .topicNameValues().values().iterator().next()).partitions().size();
        List<TopicPartition> all = new ArrayList<>();
        for (int partition = 0; partition < partitions; partition++) {
            all.add(new TopicPartition(setting.topics().deadLetters(), partition));
        }
        Set<String> expected = new HashSet<>(traffic.refused());
        expected.addAll(traffic.orphans());
        Set<String> orphans = traffic.orphans();
        Set<String> found = new HashSet<>();
        readAll(all, letter -> {
            if (!Set.of(traffic.eventsTopic(), traffic.labelsTopic()).contains(header(letter, DeadLetter.TOPIC))) {
                return;
            }
            String place = header(letter, DeadLetter.TOPIC) + ":" + header(letter, DeadLetter.PARTITION) + ":"
                    + header(letter, "tidegrad-offset");
            if (!found.add(place)) {
                violations.add("expected one dead letter of " + place + ", found another");
            }
            if (header(letter, DeadLetter.REASON).equals("orphan-label") != orphans.contains(place)) {
                violations.add("dead letter of " + place + ": found the reason " + header(letter, DeadLetter.REASON));
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

    private static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null ? "" : new String(header.value(), StandardCharsets.UTF_8);
    }

    /// The topics joined again by brute force.
    private void verify() {
        try (RecordDecoder decoder = RecordDecoder.of(Map.of("schema.registry.url", setting.stack().registryUrl()))) {
            StreamVerification.Result verified =
                    StreamVerification.run(
                            StreamVerification.Options.of(kafka(), setting.topics(),
                                    StreamOverview.read(kafka(), setting.topics(), setting.admin())
                                            .epoch(setting.stream(), OptionalInt.empty())),
                            decoder, setting.admin(), (pass, passes, records) -> {
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
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        EventFold fold = new EventFold(spec, model, ValueDecoder.avro(spec, new AvroCodec(setting.registry())));
        long[] folded = {0, 0};
        readAll(List.of(examples()), record -> {
            fold.fold(record.value(), record.headers());
            folded[0] = record.offset() + 1;
            folded[1] += record.headers().lastHeader(Tick.HEADER) == null ? 1 : 0;
        });
        await("the trainer at " + folded[0] + ", reported", () -> trainer.watermark() == folded[0]
                && trainer.health().path("report").path("watermark").asLong() == folded[0]);
        String theirs = trainer.health().path("report").path("state_hash").asText();
        result.put("examples_folded", folded[1]).put("state_hash", theirs);
        if (!theirs.equals(model.stateHash())) {
            violations.add("expected the trainer to have the state-hash of a fold over the examples at " + folded[0]
                    + ", " + model.stateHash() + ", found " + theirs);
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
