package io.tidegrad.loadtests;

import io.tidegrad.control.Decisions;
import io.tidegrad.control.StreamDecisions;
import io.tidegrad.joiner.app.JoinerMain;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Measures streams: events a second beside a plain copy of the same bytes, the time from an event to an answer, what a
/// waiting event takes, restarts, and how ordered a backfill is. Broker, registry, joiner and trainer are processes.
public final class StreamLoad extends LoadTest {
    private static final Topics TOPICS = Topics.DEFAULT;
    private static final Duration WITHIN = Duration.ofSeconds(300);

    /// Of the events, as a part, before the window of a rate begins: by then most is compiled.
    private static final int OPENING_PART = 4;

    /// Latency before its window: most is compiled then.
    private static final Duration OPENING = Duration.ofSeconds(20);

    private static final Duration BETWEEN_QUESTIONS = Duration.ofMillis(2);
    private static final Duration ALIGN = Duration.ofMinutes(10);
    private static final Duration LABEL_AFTER = Duration.ofSeconds(20);
    private static final int PLACES = 600;
    private static final String EVENTS = "events_per_s";

    private final Options options;
    private final List<String> violations = new ArrayList<>();
    private List<Place> places = List.of();

    /// What is measured.
    public enum Part {
        RATES, LATENCY, RESTART, BACKFILL
    }

    /// A place in the log of a backfill.
    ///
    /// @param examples up to here
    /// @param time largest event time so far, epoch milliseconds
    /// @param back the most milliseconds by which event time went back since the place before
    public record Place(long examples, long time, long back) {
    }

    /// @param events of each rate, and of the backfill
    /// @param perSecond events of the latency
    /// @param window in which latency is measured
    /// @param waiting events of which the state is measured, and with which a joiner starts again
    /// @param profile a directory for flight recordings of joiners and copiers; null: none
    public record Options(List<Part> parts, long events, double perSecond, Duration window, long waiting,
            int repetitions, boolean json, @Nullable Path profile) {
        public Options {
            Limits.require("--events", events, 10_000, 100_000_000);
            Limits.require("--rate", perSecond, 1, 1_000_000);
            Limits.require("--seconds", window.toSeconds(), 1, 3_600);
            Limits.require("--waiting", waiting, 1_000, 100_000_000);
            Limits.require("--repetitions", repetitions, 1, 100);
            parts = List.copyOf(parts);
        }
    }

    public StreamLoad(Options options, PrintStream out, PrintStream progress) {
        super(options.json(), out, progress);
        this.options = options;
    }

    /// What is not as it must be.
    public List<String> violations() {
        return List.copyOf(violations);
    }

    /// The log of the backfill, for a plot; empty before it was measured.
    public List<Place> places() {
        return places;
    }

    @Override
    protected String measure(LocalStack stack, RunDirectory directory) throws InterruptedException {
        StringBuilder text = new StringBuilder();
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", stack.registryUrl()));
                Admin admin = KafkaClients.admin(stack.bootstrapServers(), Map.of());
                Json http = new Json()) {
            Run run = new Run(stack, directory.logs(), registry, admin, http);
            for (Part part : options.parts()) {
                text.append(text(switch (part) {
                    case RATES -> run.rates();
                    case LATENCY -> run.latency();
                    case RESTART -> run.restart();
                    case BACKFILL -> run.backfill();
                }));
            }
        }
        return text.toString();
    }

    /// A process that brings events into one log.
    ///
    /// @param group under which it commits what it has read
    /// @param log that it writes
    private record Bringer(String name, String group, String log, List<String> command, String modelInput) {
    }

    private final class Run {
        private final LocalStack stack;
        private final Path files;
        private final SchemaRegistry registry;
        private final Admin admin;
        private final Json http;

        Run(LocalStack stack, Path files, SchemaRegistry registry, Admin admin, Json http) {
            this.stack = stack;
            this.files = files;
            this.registry = registry;
            this.admin = admin;
            this.http = http;
        }

        private void createStream(String spec) {
            new StreamDecisions(KafkaSettings.of(stack.bootstrapServers()), TOPICS, admin, (short) -1,
                    new Decisions.By("load-test", "a load test"))
                    .create(StreamSpec.parse(spec, "spec of the load test"), null);
        }

        private Bringer joiner(String stream, String spec) {
            createStream(spec);
            return new Bringer(stream, TOPICS.joinerApplicationId(stream, 1), TOPICS.examples(stream, 1),
                    List.of(JoinerMain.class.getName(), "--bootstrap-servers", stack.bootstrapServers(),
                            "--registry-url", stack.registryUrl(), "--stream", stream, "--state-dir",
                            state(stream).toString(), "--http-port", String.valueOf(Ports.free())),
                    "input: { stream: " + stream + " }");
        }

        private Path state(String stream) {
            return files.resolve(stream).resolve("state");
        }

        private Bringer copier(String group, List<String> topics) throws InterruptedException {
            String copy = Copier.copy(topics.getFirst(), group);
            KafkaClients
                    .answer(admin
                            .createTopics(topics.stream()
                                    .map(topic -> new NewTopic(Copier.copy(topic, group), 1, (short) 1)
                                            .configs(Map.of("message.timestamp.type", "LogAppendTime")))
                                    .toList())
                            .all());
            return new Bringer(group, group, copy, Copier.command(stack.bootstrapServers(), group, topics),
                    "input: { topic: " + copy + " }\nlabel: { field: fraud }");
        }

        private ChildJvm start(Bringer bringer) {
            List<String> flags = new ArrayList<>(childFlags());
            flags.add("-Xmx512m");
            Path profile = options.profile();
            if (profile != null) {
                flags.add("-XX:StartFlightRecording:settings=profile,jdk.CPUTimeSample#enabled=true,filename="
                        + profile.toAbsolutePath().resolve(bringer.name() + ".jfr"));
            }
            return Processes.start("joiner", flags, bringer.command(), files.resolve(bringer.name()));
        }

        /// A trainer of a model with the bringer's name.
        private ChildJvm trainer(Bringer bringer, int port) {
            Path its = files.resolve(bringer.name() + "-trainer");
            Path spec = Processes.write(its.resolve("spec.yaml"),
                    StreamTraffic.modelSpec(bringer.name(), bringer.modelInput()));
            List<String> flags = new ArrayList<>(childFlags());
            flags.add("-Xmx512m");
            return Processes.start("trainer", flags,
                    Processes.trainer(stack, its, port, List.of("--spec", spec.toString())), its);
        }

        List<Result> rates() throws InterruptedException {
            long events = options.events();
            StreamTraffic traffic = StreamTraffic.of("payments", Instant.now().minus(Duration.ofDays(1)).toEpochMilli(),
                    events, Duration.ofHours(1), LABEL_AFTER, admin, registry);
            long began = System.nanoTime();
            traffic.fill(stack.bootstrapServers(), 0, events, true);
            say("%,d events and labels in %.0f s, an event of %d bytes", events, secondsSince(began),
                    traffic.event(0, 0).value().length);
            Map<String, List<Result>> all = new LinkedHashMap<>();
            for (int i = 1; i <= options.repetitions(); i++) {
                String of = "-" + i;
                List<String> both = List.of(traffic.name(), traffic.labels());
                all.computeIfAbsent("copy", none -> new ArrayList<>())
                        .add(rate(copier("copy" + of, both.subList(0, 1)), traffic));
                all.computeIfAbsent("stateless", none -> new ArrayList<>())
                        .add(rate(joiner("stateless" + of, traffic.statelessSpec("stateless" + of)), traffic));
                all.computeIfAbsent("copy with labels", none -> new ArrayList<>())
                        .add(rate(copier("copy-both" + of, both), traffic));
                all.computeIfAbsent("joined", none -> new ArrayList<>())
                        .add(rate(joiner("joined" + of, traffic.joinedSpec("joined" + of, "PT30M")), traffic));
            }
            return List.of(whole("copy", "copy", all), whole("stateless", "copy", all),
                    whole("copy with labels", "copy with labels", all), whole("joined", "copy with labels", all));
        }

        /// All repetitions of a rate.
        private static Result whole(String what, String copy, Map<String, List<Result>> all) {
            List<Result> runs = all.getOrDefault(what, List.of());
            List<Result> copies = all.getOrDefault(copy, List.of());
            Result result = new Result().put("what", what);
            for (String name : List.of(EVENTS, "learned_per_s", "cpu_us", "broker_cpu_us", "trainer_cpu_us")) {
                result.samples(name, runs.stream().mapToDouble(run -> run.number(name)).toArray());
            }
            return result.samples("of_copy", IntStream.range(0, runs.size())
                    .mapToDouble(i -> runs.get(i).number(EVENTS) / copies.get(i).number(EVENTS)).toArray());
        }

        /// From when a quarter of the events is read and committed until the last one is in the log: whatever of that
        /// quarter is not joined by then counts, too.
        private Result rate(Bringer bringer, StreamTraffic traffic) throws InterruptedException {
            long events = options.events();
            int port = Ports.free();
            try (ChildJvm trainer = trainer(bringer, port)) {
                TrainerClient client = new TrainerClient(http, port, bringer.name());
                Await.until("the trainer to run", WITHIN, () -> {
                    trainer.requireAlive();
                    return client.health().running();
                });
                try (ChildJvm process = start(bringer)) {
                    Await.until("a quarter of the events to be read", WITHIN, () -> {
                        process.requireAlive();
                        trainer.requireAlive();
                        return committed(bringer.group(), traffic.name()) >= events / OPENING_PART;
                    });
                    long begin = System.currentTimeMillis();
                    long read = committed(bringer.group(), traffic.name());
                    double cpu = CpuClock.seconds(process.pid());
                    double brokerCpu = CpuClock.seconds(stack.brokerProcess().pid());
                    double trainerCpu = CpuClock.seconds(trainer.pid());
                    TopicPartition log = new TopicPartition(bringer.log(), 0);
                    Await.until("all events to be in the log", WITHIN, () -> {
                        process.requireAlive();
                        trainer.requireAlive();
                        return KafkaClients.end(admin, log, IsolationLevel.READ_COMMITTED) >= events;
                    });
                    long all = events - read;
                    cpu = CpuClock.seconds(process.pid()) - cpu;
                    brokerCpu = CpuClock.seconds(stack.brokerProcess().pid()) - brokerCpu;
                    trainerCpu = CpuClock.seconds(trainer.pid()) - trainerCpu;
                    Await.until("all events to be learned", WITHIN, () -> {
                        process.requireAlive();
                        trainer.requireAlive();
                        TrainerHealth health = client.health();
                        return health.learned() + health.pending() >= events;
                    });
                    double learned = (System.currentTimeMillis() - begin) * 1e-3;
                    double seconds = (lastAppended(log) - begin) * 1e-3;
                    Result result = new Result().put("what", bringer.name()).put(EVENTS, all / seconds)
                            .put("learned_per_s", all / learned).put("seconds", seconds).put("cpu_us", cpu * 1e6 / all)
                            .put("broker_cpu_us", brokerCpu * 1e6 / all).put("trainer_cpu_us", trainerCpu * 1e6 / all);
                    say("%s", result.json());
                    return result;
                }
            }
        }

        /// The sum over a topic's partitions of what a group has read and committed.
        private long committed(String group, String topic) throws InterruptedException {
            long sum = 0;
            Map<TopicPartition, OffsetAndMetadata> committed;
            try {
                committed = KafkaClients.answer(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
            } catch (LoadTestException e) {
                return 0; // there is no group yet
            }
            for (Map.Entry<TopicPartition, OffsetAndMetadata> each : committed.entrySet()) {
                sum += each.getKey().topic().equals(topic) && each.getValue() != null ? each.getValue().offset() : 0;
            }
            return sum;
        }

        /// When the broker appended the newest committed record of a log.
        private long lastAppended(TopicPartition log) throws InterruptedException {
            try (KafkaConsumer<byte[], byte[]> consumer = reader(log)) {
                long end = KafkaClients.end(admin, log, IsolationLevel.READ_COMMITTED);
                consumer.seek(log, Math.max(0, end - 1_000));
                long last = 0;
                while (consumer.position(log) < end) {
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                        last = record.timestamp();
                    }
                }
                return last;
            }
        }

        private KafkaConsumer<byte[], byte[]> reader(TopicPartition log) {
            KafkaConsumer<byte[], byte[]> consumer = KafkaClients.reader(stack.bootstrapServers(), Map.of());
            consumer.assign(List.of(log));
            consumer.seekToBeginning(List.of(log));
            return consumer;
        }

        /// Reads all examples, without ticks.
        private void readAll(TopicPartition log, Consumer<ConsumerRecord<byte[], byte[]>> each)
                throws InterruptedException {
            try (KafkaConsumer<byte[], byte[]> consumer = reader(log)) {
                long end = KafkaClients.end(admin, log, IsolationLevel.READ_COMMITTED);
                while (consumer.position(log) < end) {
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                        if (Example.isIn(record.headers())) {
                            each.accept(record);
                        }
                    }
                }
            }
        }

        /// Returns when the log has so many examples. Markers of transactions lie between them.
        private void awaitAll(TopicPartition log, long examples, Runnable alive) throws InterruptedException {
            Await.until("all events to be in the log", WITHIN, () -> {
                alive.run();
                return KafkaClients.end(admin, log, IsolationLevel.READ_COMMITTED) >= examples;
            });
            try (KafkaConsumer<byte[], byte[]> consumer = reader(log)) {
                long[] found = {0};
                Await.until(examples + " examples", WITHIN, () -> {
                    alive.run();
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(20))) {
                        found[0] += Example.isIn(record.headers()) ? 1 : 0;
                    }
                    return found[0] >= examples;
                }, () -> String.valueOf(found[0]));
            }
        }

        /// From when an event and its label are due until the first answer over HTTP by a version that has learned it.
        List<Result> latency() throws InterruptedException {
            StreamTraffic traffic = StreamTraffic.of("live", 0, 1, Duration.ZERO, Duration.ZERO, admin, registry);
            Bringer bringer = joiner("live", traffic.joinedSpec("live", "PT1M"));
            int port = Ports.free();
            int scorerPort = Ports.free();
            try (ChildJvm trainer = trainer(bringer, port)) {
                TrainerClient client = new TrainerClient(http, port, "live");
                Await.until("the trainer to run", WITHIN, () -> {
                    trainer.requireAlive();
                    return client.health().running();
                });
                try (ChildJvm joiner = start(bringer); ChildJvm scorer = scorer("live", scorerPort)) {
                    return List.of(latency(traffic, new TopicPartition(bringer.log(), 0), () -> {
                        trainer.requireAlive();
                        joiner.requireAlive();
                        scorer.requireAlive();
                    }, scorerPort));
                }
            }
        }

        private ChildJvm scorer(String model, int port) {
            List<String> flags = new ArrayList<>(childFlags());
            flags.add("-Xmx256m");
            return Processes.start("scorer", flags, Processes.scorer(stack.bootstrapServers(), model, port, List.of()),
                    files.resolve("scorer"));
        }

        private Result latency(StreamTraffic traffic, TopicPartition log, Runnable alive, int port)
                throws InterruptedException {
            int opening = (int) (options.perSecond() * OPENING.toMillis() * 1e-3);
            int all = opening + (int) (options.perSecond() * options.window().toMillis() * 1e-3);
            long[] due = new long[all];
            Seen answered = new Seen();
            String question = Json.write(Map.of("amount", 20.5, "card", "card-7", "merchant", Map.of("country", "C3")));
            try (Asker asker = new Asker(port, "live", question, BETWEEN_QUESTIONS, (status, body) -> {
                if (status == 200) {
                    answered.add(Json.parse(body).path("offset").asLong(), System.nanoTime());
                }
            }); SnapshotWatch watch = new SnapshotWatch(stack.bootstrapServers(), TOPICS.snapshots("live"))) {
                Await.until("the scorer to answer", WITHIN, () -> {
                    alive.run();
                    return asker.answers() > 0;
                });
                long epochNanos = ChronoUnit.NANOS.between(Instant.EPOCH, Instant.now()) - System.nanoTime();
                try (Background sending = traffic.paced(stack.bootstrapServers(), options.perSecond(), due)) {
                    Await.until("all events to be sent", OPENING.plus(options.window()).plus(WITHIN), () -> {
                        alive.run();
                        asker.requireHealthy();
                        sending.requireHealthy("can't send");
                        return sending.isDone();
                    });
                }
                long[] offset = new long[all];
                double[] joined = new double[all];
                awaitAll(log, all, alive);
                readAll(log, record -> {
                    int event = StreamTraffic.number(record.key());
                    offset[event] = record.offset() + 1;
                    joined[event] = record.timestamp() + 0.5 - (due[event] + epochNanos) * 1e-6;
                });
                int end = (int) LongStream.of(offset).max().orElseThrow();
                Await.until("an answer and a snapshot of all events", WITHIN, () -> {
                    alive.run();
                    return answered.newest() >= end && watch.published().newest() >= end;
                });
                long[] published = watch.published().firstIn(end);
                long[] served = answered.firstIn(end);
                Result result = new Result().put("events_per_s", options.perSecond()).put("events", all - opening);
                put(result, "", opening, event -> (served[(int) offset[event] - 1] - due[event]) * 1e-6, all);
                put(result, "joined_", opening, event -> joined[event], all);
                put(result, "learned_and_published_", opening,
                        event -> (published[(int) offset[event] - 1] - due[event]) * 1e-6 - joined[event], all);
                put(result, "served_", opening,
                        event -> (served[(int) offset[event] - 1] - published[(int) offset[event] - 1]) * 1e-6, all);
                return result;
            }
        }

        /// By nearest rank.
        private static void put(Result result, String prefix, int from, IntToDoubleFunction millis, int to) {
            double[] sorted = IntStream.range(from, to).mapToDouble(millis).sorted().toArray();
            for (int percent : new int[]{50, 99}) {
                result.put(prefix + "p" + percent + "_ms", sorted[(int) Math.ceil(percent * 0.01 * sorted.length) - 1]);
            }
            result.put(prefix + "max_ms", sorted[sorted.length - 1]);
        }

        /// What a waiting event takes, and how long a joiner takes to join the first event again.
        List<Result> restart() throws InterruptedException {
            long waiting = options.waiting();
            StreamTraffic traffic = StreamTraffic.of("waiting", Instant.now().minus(Duration.ofHours(6)).toEpochMilli(),
                    waiting, Duration.ofHours(1), LABEL_AFTER, admin, registry);
            Bringer bringer = joiner("waiting", traffic.joinedSpec("waiting", "PT23H"));
            TopicPartition log = new TopicPartition(bringer.log(), 0);
            Path state = state("waiting");
            Result result =
                    new Result().put("waiting_events", waiting).put("event_bytes", traffic.event(0, 0).value().length);
            long probe = waiting;
            ChildJvm joiner = start(bringer);
            try {
                joins(traffic, joiner, log, probe++); // all is loaded, and compiled in part
                long heap = heapBytes(joiner);
                traffic.fill(stack.bootstrapServers(), 0, waiting, false);
                ChildJvm first = joiner;
                Await.until(waiting + " waiting events", WITHIN, () -> {
                    first.requireAlive();
                    return committed(bringer.group(), traffic.name()) >= waiting;
                });
                joins(traffic, joiner, log, probe++);
                result.put("heap_bytes_per_event", (heapBytes(joiner) - heap) / (double) waiting)
                        .put("changelog_bytes_per_event", changelogBytes(bringer.group()) / (double) waiting);
                joiner.stop(WITHIN); // what lies in memory goes to disk
                result.put("disk_bytes_per_event", bytes(state) / (double) waiting);
                for (String how : List.of("stopped", "killed", "state_lost")) {
                    double[] seconds = new double[options.repetitions()];
                    for (int i = 0; i < seconds.length; i++) {
                        if (how.equals("stopped")) {
                            joiner.stop(WITHIN);
                        } else {
                            joiner.kill();
                        }
                        if (how.equals("state_lost")) {
                            delete(state);
                        }
                        long began = System.nanoTime();
                        joiner = start(bringer);
                        joins(traffic, joiner, log, probe++);
                        seconds[i] = secondsSince(began);
                        say("%s: %.1f s", how, seconds[i]);
                        Thread.sleep(1_000); // a few commits
                    }
                    result.samples(how + "_s", seconds);
                }
            } finally {
                joiner.kill();
            }
            return List.of(result);
        }

        /// Writes an event with its label and waits until it is joined.
        private void joins(StreamTraffic traffic, ChildJvm joiner, TopicPartition log, long event)
                throws InterruptedException {
            try (KafkaConsumer<byte[], byte[]> consumer = reader(log)) {
                consumer.seek(log, KafkaClients.end(admin, log, IsolationLevel.READ_UNCOMMITTED));
                traffic.fill(stack.bootstrapServers(), event, event + 1, true);
                Await.until("event " + event + " to be joined", WITHIN, () -> {
                    joiner.requireAlive();
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(20))) {
                        if (Example.isIn(record.headers()) && StreamTraffic.number(record.key()) == event) {
                            return true;
                        }
                    }
                    return false;
                });
            }
        }

        /// Bytes of the objects that are left after a full collection.
        private static long heapBytes(ChildJvm process) throws InterruptedException {
            try {
                Process jcmd = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                        String.valueOf(process.pid()), "GC.class_histogram").redirectErrorStream(true).start();
                String text = new String(jcmd.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                jcmd.waitFor();
                Matcher total = Pattern.compile("Total +[0-9]+ +([0-9]+)").matcher(text);
                if (!total.find()) {
                    throw new LoadTestException("expected a histogram of the joiner's heap, found " + text);
                }
                return Long.parseLong(total.group(1));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private long changelogBytes(String application) throws InterruptedException {
            return KafkaClients.answer(admin.describeLogDirs(List.of(0)).allDescriptions()).values().stream()
                    .flatMap(each -> each.values().stream()).flatMap(each -> each.replicaInfos().entrySet().stream())
                    .filter(each -> each.getKey().topic().startsWith(application)
                            && each.getKey().topic().endsWith("-changelog"))
                    .mapToLong(each -> each.getValue().size()).sum();
        }

        private static long bytes(Path directory) {
            try (Stream<Path> files = Files.walk(directory)) {
                return files.filter(Files::isRegularFile).mapToLong(each -> each.toFile().length()).sum();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static void delete(Path directory) {
            try (Stream<Path> files = Files.walk(directory)) {
                for (Path each : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(each);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /// Thirty days of events, read as fast as can be.
        List<Result> backfill() throws InterruptedException {
            long events = options.events();
            StreamTraffic traffic = StreamTraffic.of("month", Instant.now().minus(Duration.ofDays(31)).toEpochMilli(),
                    events, Duration.ofDays(30), LABEL_AFTER, admin, registry);
            traffic.fill(stack.bootstrapServers(), 0, events, true);
            say("%,d events and labels of 30 days", events);
            List<Result> results = new ArrayList<>();
            results.add(backfill(joiner("month-stateless", traffic.statelessSpec("month-stateless"))));
            results.add(backfill(joiner("month", traffic.joinedSpec("month", "PT30M"))));
            return results;
        }

        private Result backfill(Bringer bringer) throws InterruptedException {
            long events = options.events();
            TopicPartition log = new TopicPartition(bringer.log(), 0);
            try (ChildJvm joiner = start(bringer)) {
                awaitAll(log, events, joiner::requireAlive);
            }
            long[] appended = {Long.MAX_VALUE, 0};
            LogOrder order = new LogOrder((int) Math.max(1, events / PLACES));
            readAll(log, record -> {
                appended[0] = Math.min(appended[0], record.timestamp());
                appended[1] = Math.max(appended[1], record.timestamp());
                try {
                    order.add(record.offset(), Example.read(record.headers()).eventTime());
                } catch (ExampleException e) {
                    throw new LoadTestException("example at " + record.offset() + ": " + e.getMessage(), e);
                }
            });
            places = order.places();
            long bound = ALIGN.plus(LABEL_AFTER).toMillis() + order.commit();
            if (order.records() != events || order.back() > bound) {
                violations.add(bringer.name() + ": expected " + events
                        + " examples whose event time goes back by at most " + Duration.ofMillis(bound) + ", found "
                        + order.records() + " and " + Duration.ofMillis(order.back()));
            }
            return new Result().put("what", bringer.name()).put("examples", order.records())
                    .put("commits", order.commits()).put(EVENTS, events / ((appended[1] - appended[0]) * 1e-3))
                    .put("align_min", ALIGN.toMinutes()).put("label_after_min", LABEL_AFTER.toMillis() / 60e3)
                    .put("commit_most_min", order.commit() / 60e3).put("bound_min", bound / 60e3)
                    .put("back_most_min", order.back() / 60e3);
        }
    }
}
