package io.tidegrad.loadtests.chaos;

import io.tidegrad.control.Decisions;
import io.tidegrad.control.StreamDecisions;
import io.tidegrad.control.StreamOverview;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.joiner.verify.StreamVerification;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.Limits;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.loadtests.Result;
import io.tidegrad.localstack.BrokerProcess;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.process.StreamsClients;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.TrainerMain;
import java.io.PrintStream;
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
import java.util.OptionalInt;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/// Joins events and labels by real joiners that are killed, paused and replaced, while a trainer learns from the
/// examples, and compares: the examples with what is known of each event before anything was written, with a brute-force
/// join of the topics, and the trainer's hash with a plain fold over the examples.
public final class JoinLoad extends LoadTest {
    private static final Topics TOPICS = new Topics("join");
    private static final String STREAM = "payments";
    private static final Duration WITHIN = Duration.ofSeconds(300);
    private static final int VIOLATIONS_TOLD_MAX = 20;
    private static final int LATE_TOLD_MAX = 5;

    /// With fewer, the first third of them is all of them.
    private static final int ZOMBIE_KILLS_MIN = 2;

    /// A pause after which the group has given the tasks of a joiner to others, whether or not it comes back.
    private static final Duration BEYOND_SESSION = StreamsClients.SESSION_TIMEOUT.plusSeconds(4);

    private final Options options;
    private final SplittableRandom random;
    private final List<String> violations = new ArrayList<>();
    private final List<Joiner> joiners = new ArrayList<>();
    private int kills;
    private int zombies;
    private int brokerKills;
    private int faultsWithoutLoad;

    /// @param rate events a second
    /// @param kills how many joiners are killed
    /// @param zombies how many are paused until others have their tasks, and wake up
    /// @param brokerKill whether the broker is killed under load
    /// @param lateMax the percentage of events, and of verified ids, whose label a task may have read too late
    public record Options(long events, double rate, int kills, int zombies, boolean brokerKill, long seed,
            double lateMax, boolean json) {
        public Options {
            Limits.require("--events", events, 1_000, 100_000_000);
            Limits.require("--rate", rate, 1, 1_000_000);
            Limits.require("--kills", kills, 0, 1_000);
            Limits.require("--zombies", zombies, 0, 100);
            Limits.require("--late-max", lateMax, 0, 100);
            if (zombies > 0 && kills < ZOMBIE_KILLS_MIN) {
                throw new IllegalArgumentException("--zombies come after a third of the kills: expected --kills "
                        + ZOMBIE_KILLS_MIN + " at least, found " + kills + "; or give --zombies 0");
            }
            if (brokerKill && kills == 0) {
                throw new IllegalArgumentException("the broker is killed after half of the kills: expected --kills 1 at"
                        + " least, found 0; or give --no-broker-kill");
            }
        }
    }

    /// @param out for the table
    /// @param progress for a line a fault
    public JoinLoad(Options options, PrintStream out, PrintStream progress) {
        super(options.json(), out, progress);
        this.options = options;
        random = new SplittableRandom(options.seed());
    }

    /// What is not as it must be.
    public List<String> violations() {
        return List.copyOf(violations);
    }

    /// Returns null if so many may be late.
    static @Nullable String tooManyLate(String of, long late, double percent, double percentMax) {
        return percent <= percentMax ? null
                : String.format(Locale.ROOT,
                        "expected a label read too late of at most %s %% of the %s, found %,d, which are %.3f %%: the"
                                + " joiner goes by the wall clock, or this machine is too busy for the --rate;"
                                + " --late-max allows more",
                        percentMax, of, late, percent);
    }

    @Override
    protected String measure(LocalStack stack, RunDirectory directory) throws InterruptedException {
        say("seed %d", options.seed());
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", stack.registryUrl()));
                Admin admin = KafkaClients.admin(stack.bootstrapServers(), Map.of());
                Run run = new Run(stack, directory.path(), registry, admin)) {
            Result result = run.run();
            if (!violations.isEmpty()) {
                directory.keepLogs();
                violations.stream().limit(VIOLATIONS_TOLD_MAX).forEach(each -> say("VIOLATION %s", each));
                say("logs of all processes: %s", directory.logs());
            }
            return text(List.of(result));
        }
    }

    private final class Run implements AutoCloseable {
        private final LocalStack stack;
        private final Path directory;
        private final Admin admin;
        private final SchemaRegistry registry;
        private final JoinTraffic traffic;
        private final Trainer trainer;
        private final Result result = new Result();

        Run(LocalStack stack, Path directory, SchemaRegistry registry, Admin admin) throws InterruptedException {
            this.stack = stack;
            this.directory = directory;
            this.admin = admin;
            this.registry = registry;
            traffic = new JoinTraffic(STREAM, options.events(), options.seed(), registry);
            Map<String, String> forEver = Map.of("retention.ms", "-1");
            for (String topic : List.of(traffic.eventsTopic(), traffic.labelsTopic())) {
                KafkaClients.answer(admin
                        .createTopics(List.of(new NewTopic(topic, JoinTraffic.PARTITIONS, (short) 1).configs(forEver)))
                        .all());
            }
            new StreamDecisions(kafka(), TOPICS, admin, (short) -1, new Decisions.By("load-test", "a load test"))
                    .create(StreamSpec.parse(traffic.streamSpec(), "spec of the load test"), null);
            Path spec = Processes.write(directory.resolve("spec.yaml"), traffic.modelSpec());
            trainer = Trainer.of("trainer", STREAM, directory.resolve("trainer"),
                    Processes.with(childFlags(), List.of("-Xmx256m")),
                    Processes.trainer(List.of(TrainerMain.class.getName()), stack.bootstrapServers(),
                            stack.registryUrl(), List.of("--prefix", TOPICS.prefix(), "--spec", spec.toString())));
        }

        private KafkaSettings kafka() {
            return KafkaSettings.of(stack.bootstrapServers());
        }

        Result run() throws InterruptedException {
            addJoiner();
            trainer.start();
            await("the trainer to learn and the joiner to join",
                    () -> trainer.learns() && joiners.getFirst().tasks() > 0);
            long began = System.nanoTime();
            Background writing = Background.start("events-and-labels",
                    self -> traffic.write(stack.bootstrapServers(), options.rate()));
            try {
                faults(writing);
                double left = (options.events() - traffic.written()) / options.rate();
                await("everything written", WITHIN.plusSeconds((long) Math.ceil(left)), () -> {
                    writing.requireHealthy("can't write");
                    return writing.isDone();
                });
            } finally {
                writing.interrupt();
            }
            say("%,d events and %,d labels written in %.0f s", traffic.written(), traffic.labels(),
                    secondsSince(began));
            traffic.writeTicks(stack.bootstrapServers());
            awaitSettled();
            double seconds = secondsSince(began);
            int restarts = joiners.stream().mapToInt(Supervised::restarts).sum();
            joiners.forEach(Joiner::stop);
            result.put("events", traffic.written()).put("labels", traffic.labels()).put("late_labels", traffic.late())
                    .put("duplicates", traffic.duplicates()).put("retractions", traffic.retractions())
                    .put("orphans", traffic.orphans().size()).put("unreadable", traffic.refused().size())
                    .put("joiners_killed", kills).put("zombies", zombies).put("brokers_killed", brokerKills)
                    .put("restarts_after_75", restarts).put("seconds", seconds);
            compareExamples();
            compareDeadLetters();
            verify();
            compareHash();
            result.put("violations", violations.size());
            return result;
        }

        private void addJoiner() {
            Joiner joiner = Joiner.of("joiner-" + (joiners.size() + 1), stack, TOPICS.prefix(), STREAM,
                    directory.resolve("joiner-" + (joiners.size() + 1)),
                    Processes.with(childFlags(), List.of("-Xmx256m")), List.of());
            joiners.add(joiner);
            joiner.start();
        }

        private void await(String expected, Await.Interruptible<Boolean> condition) throws InterruptedException {
            await(expected, WITHIN, condition);
        }

        private void await(String expected, Duration within, Await.Interruptible<Boolean> condition)
                throws InterruptedException {
            Await.until(expected, within, () -> {
                requireAlive();
                return condition.get();
            }, () -> "joiners " + healths() + ", trainer at " + trainer.watermark());
        }

        private String healths() throws InterruptedException {
            StringBuilder text = new StringBuilder();
            for (Joiner joiner : joiners) {
                text.append(joiner).append(joiner.isRunning() ? " " : " down ").append(joiner.health()).append("; ");
            }
            return text.toString();
        }

        private void requireAlive() {
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

        /// Kills and pauses while events come: first of one joiner, then of three, then of one again. The broker is killed
        /// when half of the kills are done.
        private void faults(Background writing) throws InterruptedException {
            int third = Math.ceilDiv(options.kills(), 3);
            for (int i = 0; i < options.kills(); i++) {
                if (i == third) {
                    addJoiner();
                    addJoiner();
                    await("three joiners with tasks", this::allHaveTasks);
                    for (int zombie = 0; zombie < options.zombies(); zombie++) {
                        requireLoad(writing);
                        zombie();
                    }
                } else if (i == options.kills() - third) {
                    backToOne();
                }
                if (options.brokerKill() && i == options.kills() / 2) {
                    requireLoad(writing);
                    killBroker();
                }
                requireLoad(writing);
                kill();
            }
            if (options.kills() > 0) {
                backToOne();
            }
            if (faultsWithoutLoad > 0) {
                violations.add("expected each kill and pause while events are written, found all written before "
                        + faultsWithoutLoad + " of them: give more --events, a lower --rate or fewer --kills");
            }
        }

        private void requireLoad(Background writing) {
            writing.requireHealthy("can't write");
            faultsWithoutLoad += writing.isDone() ? 1 : 0;
        }

        private boolean allHaveTasks() throws InterruptedException {
            for (Joiner joiner : joiners) {
                if (joiner.tasks() == 0) {
                    return false;
                }
            }
            return true;
        }

        private void pass(int mostMillis) throws InterruptedException {
            Thread.sleep(random.nextInt(mostMillis));
            requireAlive();
        }

        private Joiner any() {
            List<Joiner> running = joiners.stream().filter(Joiner::isWanted).toList();
            return running.get(random.nextInt(running.size()));
        }

        private void kill() throws InterruptedException {
            Joiner joiner = any();
            // Now and then while it starts or restores, else once it joins.
            if (random.nextInt(4) > 0) {
                await(joiner + " to have tasks", () -> joiner.tasks() > 0);
            }
            pass(3_000);
            joiner.kill();
            kills++;
            say("%s killed at event %,d", joiner, traffic.written());
            pass(1_000);
            joiner.start();
        }

        private void zombie() throws InterruptedException {
            Joiner joiner = any();
            await(joiner + " to have tasks", () -> joiner.tasks() > 0);
            pass(2_000);
            say("%s paused at event %,d", joiner, traffic.written());
            joiner.pause();
            Thread.sleep(BEYOND_SESSION);
            joiner.resume();
            zombies++;
            pass(3_000);
        }

        private void killBroker() throws InterruptedException {
            BrokerProcess broker = stack.brokers().node(0);
            pass(2_000);
            say("broker killed at event %,d", traffic.written());
            broker.kill();
            brokerKills++;
            pass(3_000);
            broker.restart();
        }

        private void backToOne() throws InterruptedException {
            for (Joiner joiner : joiners.subList(1, joiners.size())) {
                joiner.stop();
            }
            await("the first joiner to have tasks", () -> joiners.getFirst().tasks() > 0);
        }

        private TopicPartition examples() {
            return new TopicPartition(TOPICS.examples(STREAM, 1), 0);
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

        private KafkaConsumer<byte[], byte[]> reader(List<TopicPartition> partitions) {
            KafkaConsumer<byte[], byte[]> consumer = KafkaClients.reader(stack.bootstrapServers(), Map.of());
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
            for (long event = 0; event < options.events(); event++) {
                List<String> its = found.getOrDefault(event, List.of());
                if (!its.equals(traffic.examples(event))) {
                    if (traffic.areOfRecordsReadApart(event, its)) {
                        readLate++;
                        if (readLate <= LATE_TOLD_MAX) {
                            say("%s was read too late: %s", JoinTraffic.id(event), its);
                        }
                    } else {
                        violations.add(
                                JoinTraffic.id(event) + ": expected " + traffic.examples(event) + ", found " + its);
                    }
                }
            }
            for (Example.Kind kind : Example.Kind.values()) {
                result.put(kind.code(), kinds.getOrDefault(kind, 0L));
            }
            result.put("read_late", readLate);
            requireFewLate("read_late_percent", "events", readLate, options.events());
        }

        /// A joiner that goes by the wall clock writes the same examples as one that reads labels late, only many more.
        private void requireFewLate(String name, String of, long late, long all) {
            double percent = 100.0 * late / Math.max(1, all);
            result.put(name, percent);
            String violation = tooManyLate(of, late, percent, options.lateMax());
            if (violation != null) {
                violations.add(violation);
            }
        }

        private static String words(Example example) {
            return example.kind().code() + (example.kind() == Example.Kind.CORRECTION ? " " + example.oldLabel() : "")
                    + " " + example.label();
        }

        /// Each record that can't be joined has one dead letter.
        private void compareDeadLetters() throws InterruptedException {
            int partitions = KafkaClients.answer(
                    admin.describeTopics(List.of(TOPICS.deadLetters())).topicNameValues().values().iterator().next())
                    .partitions().size();
            List<TopicPartition> all = new ArrayList<>();
            for (int partition = 0; partition < partitions; partition++) {
                all.add(new TopicPartition(TOPICS.deadLetters(), partition));
            }
            Set<String> expected = new HashSet<>(traffic.refused());
            expected.addAll(traffic.orphans());
            Set<String> orphans = traffic.orphans();
            Set<String> found = new HashSet<>();
            readAll(all, letter -> {
                String place = header(letter, DeadLetter.TOPIC) + ":" + header(letter, DeadLetter.PARTITION) + ":"
                        + header(letter, "tidegrad-offset");
                if (!found.add(place)) {
                    violations.add("expected one dead letter of " + place + ", found another");
                }
                if (header(letter, DeadLetter.REASON).equals("orphan-label") != orphans.contains(place)) {
                    violations
                            .add("dead letter of " + place + ": found the reason " + header(letter, DeadLetter.REASON));
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
            try (RecordDecoder decoder = RecordDecoder.of(Map.of("schema.registry.url", stack.registryUrl()))) {
                StreamVerification.Result verified = StreamVerification.run(
                        StreamVerification.Options.of(kafka(), TOPICS,
                                StreamOverview.read(kafka(), TOPICS, admin).epoch(STREAM, OptionalInt.empty())),
                        decoder, admin, (pass, passes, records) -> {
                        });
                result.put("verified_ids", verified.ids()).put("verified_late", verified.late())
                        .put("verified_undecided", verified.undecided()).put("verified_unsettled", verified.unsettled())
                        .put("verified_different", verified.different());
                requireFewLate("verified_late_percent", "verified ids", verified.late(), verified.ids());
                if (verified.different() + verified.undecided() + verified.unsettled() + verified.lost() > 0) {
                    violations.add("verify: " + verified.differences().stream().limit(5).toList() + ", undecided "
                            + verified.undecided() + ", unsettled " + verified.unsettled() + ", lost "
                            + verified.lost());
                }
            }
        }

        /// The trainer against a plain fold over the examples.
        private void compareHash() throws InterruptedException {
            ModelSpec spec = ModelSpec.parse(traffic.modelSpec(), "spec of the load test").onTopic(examples().topic());
            OnlineModel model = OnlineModel.initial(spec, Kernels.active());
            EventFold fold = new EventFold(spec, model, ValueDecoder.avro(spec, new AvroCodec(registry)));
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
            joiners.forEach(Joiner::close);
            trainer.close();
        }
    }
}
