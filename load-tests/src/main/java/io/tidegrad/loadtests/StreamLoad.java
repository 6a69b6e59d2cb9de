package io.tidegrad.loadtests;

import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.stream.Example;
import io.tidegrad.schemas.Topics;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
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

    private static final Duration WITHIN = Lab.WITHIN;

    /// Of the events, as a part, before the window of a rate begins: by then most is compiled.
    private static final int OPENING_PART = 4;

    private static final Duration ALIGN = Duration.ofMinutes(10);

    /// So far that no partition is held back in a backfill of 30 days.
    private static final Duration NO_ALIGN = Duration.ofDays(31);

    private static final Duration LABEL_AFTER = Duration.ofSeconds(20);
    private static final int PLACES = 600;

    /// The record of a transaction that is committed last, and its marker: what a group has not committed if it has read all.
    private static final int LAG_OF_NONE = 2;

    /// Of records that are looked at to find the last example.
    private static final int TAIL = 10_000;

    private static final int RATE_BATCH = 32;

    /// Writing before a joiner is killed.
    private static final Duration LOAD_BEFORE_KILL = Duration.ofSeconds(2);

    private static final Duration LOAD_MAX = Duration.ofSeconds(60);
    private static final Set<String> WITHOUT_LABELS = Set.of("copy", "Kafka Streams copy", "stateless");
    private static final String EVENTS = "events_per_s";
    private static final String LEARNED = "learned_per_s";

    private final Options options;
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
    /// @param warmUp time of the same load that is joined and learned before: five JVMs compile then, and fall behind
    /// @param window in which latency is measured
    /// @param waiting events of which the state is measured, and with which a joiner starts again
    /// @param profile a directory for flight recordings of joiners and copiers; null: none
    public record Options(List<Part> parts, long events, double perSecond, Duration warmUp, Duration window,
            long waiting, int repetitions, boolean json, @Nullable Path profile) {
        public Options {
            Limits.require("--events", events, 10_000, 100_000_000);
            Limits.require("--rate", perSecond, 1, 1_000_000);
            Limits.require("--warm-up", warmUp.toSeconds(), 1, 3_600);
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

    /// The log of the backfill, for a plot; empty before it was measured.
    public List<Place> places() {
        return places;
    }

    @Override
    protected String measure() throws InterruptedException {
        for (Part part : options.parts()) {
            print(switch (part) {
                case RATES -> rates();
                case LATENCY -> latency();
                case RESTART -> restart();
                case BACKFILL -> backfill();
            });
        }
        tellViolations();
        return "";
    }

    /// A process that brings events into logs.
    ///
    /// @param group under which it commits what it has read
    /// @param inputs topics that it reads, each with as many records as there are events
    /// @param logs that it writes; from the first one is learned
    /// @param joins whether the log has examples, and not records without a header
    private record Bringer(String name, String group, List<String> inputs, List<String> logs, boolean joins,
            List<String> command, String modelInput) {
    }

    private Bringer joiner(String stream, List<String> inputs, String spec) {
        lab().createStream(TOPICS, spec);
        return new Bringer(stream, TOPICS.joinerApplicationId(stream, 1), inputs, List.of(TOPICS.examples(stream, 1)),
                true, Processes.joiner(lab(), stream, lab().logs().resolve(stream), Ports.free()),
                "input: { stream: " + stream + " }");
    }

    private Path state(String stream) {
        return lab().logs().resolve(stream).resolve("state");
    }

    private Bringer copier(String group, List<String> topics) throws InterruptedException {
        return withoutJoiner(group, topics, topics.stream().map(topic -> Copier.copy(topic, group)).toList(),
                Copier.command(lab().bootstrapServers(), group, topics));
    }

    private Bringer kafkaStreams(String application, List<String> topics) throws InterruptedException {
        String log = application + "-log";
        return withoutJoiner(application, topics, List.of(log),
                KafkaStreamsProgram.command(lab().bootstrapServers(), application, state(application), log, topics));
    }

    private Bringer withoutJoiner(String group, List<String> topics, List<String> logs, List<String> command)
            throws InterruptedException {
        lab().createTopics(logs, 1, Map.of("message.timestamp.type", "LogAppendTime"));
        return new Bringer(group, group, topics, logs, false, command,
                "input: { topic: " + logs.getFirst() + " }\nlabel: { field: fraud }");
    }

    private ExampleLog log(String topic) {
        return new ExampleLog(lab(), new TopicPartition(topic, 0));
    }

    private ExampleLog log(Bringer bringer) {
        return log(bringer.logs().getFirst());
    }

    private ChildJvm start(Bringer bringer) {
        Path profile = options.profile();
        List<String> recording = profile == null ? List.of()
                : List.of("-XX:StartFlightRecording:settings=profile,jdk.CPUTimeSample#enabled=true,filename="
                        + profile.toAbsolutePath().resolve(bringer.name() + ".jfr"));
        return Processes.start("joiner", Processes.with(childFlags("-Xmx512m"), recording), bringer.command(),
                lab().logs().resolve(bringer.name()));
    }

    /// A trainer of a model with the bringer's name.
    private ChildJvm trainer(Bringer bringer, int batch, int port) {
        Path its = lab().logs().resolve(bringer.name() + "-trainer");
        Path spec = Processes.write(its.resolve("spec.yaml"),
                StreamTraffic.modelSpec(bringer.name(), bringer.modelInput(), batch));
        return Processes.start("trainer", childFlags("-Xmx512m"),
                Processes.trainer(lab(), its, port, List.of("--spec", spec.toString())), its);
    }

    private List<Result> rates() throws InterruptedException {
        long all = options.events();
        StreamTraffic traffic = new StreamTraffic(lab(), "payments",
                Instant.now().minus(Duration.ofDays(1)).toEpochMilli(), all, Duration.ofHours(1), LABEL_AFTER);
        long began = System.nanoTime();
        traffic.fill(lab(), 0, all, true);
        say("%,d events and labels in %.0f s, an event of %d bytes", all, secondsSince(began),
                traffic.event(0, 0).value().length);
        List<String> both = traffic.topics();
        List<String> events = both.subList(0, 1);
        Map<String, List<Result>> runs = new LinkedHashMap<>();
        for (int i = 1; i <= options.repetitions(); i++) {
            String of = "-" + i;
            rate("copy", copier("copy" + of, events), traffic, runs);
            rate("Kafka Streams copy", kafkaStreams("streams-copy" + of, events), traffic, runs);
            rate("stateless", joiner("stateless" + of, events, traffic.statelessSpec("stateless" + of)), traffic, runs);
            rate("copy with labels", copier("copy-both" + of, both), traffic, runs);
            rate("Kafka Streams join", kafkaStreams("streams-join" + of, both), traffic, runs);
            rate("joined", joiner("joined" + of, both, traffic.joinedSpec("joined" + of, "PT30M")), traffic, runs);
        }
        return runs.keySet().stream()
                .map(what -> whole(what, WITHOUT_LABELS.contains(what) ? "copy" : "copy with labels", runs)).toList();
    }

    /// All repetitions of a rate.
    private static Result whole(String what, String copy, Map<String, List<Result>> all) {
        List<Result> runs = all.getOrDefault(what, List.of());
        List<Result> copies = all.getOrDefault(copy, List.of());
        Result result = new Result().put("what", what);
        for (String name : List.of(EVENTS, LEARNED, "cpu_us", "broker_cpu_us", "trainer_cpu_us", "written_bytes",
                "broker_written_bytes")) {
            result.samples(name, runs.stream().mapToDouble(run -> run.number(name)).toArray());
        }
        return result.samples("of_copy", ratios(runs, copies, EVENTS)).samples("of_copy_learned",
                ratios(runs, copies, LEARNED));
    }

    private static double[] ratios(List<Result> runs, List<Result> copies, String of) {
        return IntStream.range(0, runs.size()).mapToDouble(i -> runs.get(i).number(of) / copies.get(i).number(of))
                .toArray();
    }

    /// From when a quarter of all records is read and committed until the last one is in the log: whatever of that
    /// quarter is not joined by then counts, too.
    private void rate(String what, Bringer bringer, StreamTraffic traffic, Map<String, List<Result>> runs)
            throws InterruptedException {
        long events = options.events();
        int inputs = bringer.inputs().size();
        int port = Ports.free();
        Result result = new Result().put("what", bringer.name());
        try (ChildJvm trainer = trainer(bringer, RATE_BATCH, port)) {
            TrainerClient client = new TrainerClient(lab().http(), port, bringer.name());
            Await.until("the trainer to run", WITHIN, trainer::requireAlive, () -> client.health().running());
            try (ChildJvm process = start(bringer)) {
                Runnable alive = () -> {
                    process.requireAlive();
                    trainer.requireAlive();
                };
                long read = ExampleLog.reach("records read, a quarter of all", events * inputs / OPENING_PART, alive,
                        () -> committed(bringer));
                long begin = System.currentTimeMillis();
                long broker = lab().brokerPid();
                List<DoubleSupplier> figures = List.of(ProcessFigures.cpuFromNow(process.pid()),
                        ProcessFigures.cpuFromNow(broker), ProcessFigures.cpuFromNow(trainer.pid()),
                        ProcessFigures.fromNow(() -> ProcessFigures.writtenBytes(process.pid())),
                        ProcessFigures.fromNow(() -> ProcessFigures.writtenBytes(broker)));
                ExampleLog.reach("records read, all", events * inputs, alive, () -> committed(bringer));
                for (String log : bringer.logs()) {
                    log(log).awaitEnd(events, alive);
                }
                double all = (double) (events * inputs - read) / inputs;
                double[] grown = figures.stream().mapToDouble(DoubleSupplier::getAsDouble).toArray();
                ExampleLog.reach("events learned", events, alive, () -> {
                    TrainerHealth health = client.health();
                    return health.learned() + health.pending();
                });
                double learned = (System.currentTimeMillis() - begin) * 1e-3;
                long last = 0;
                for (String log : bringer.logs()) {
                    last = Math.max(last, lastAppended(new TopicPartition(log, 0)));
                }
                double seconds = (last - begin) * 1e-3;
                result.put(EVENTS, all / seconds).put(LEARNED, all / learned).put("seconds", seconds)
                        .put("cpu_us", grown[0] * 1e6 / all).put("broker_cpu_us", grown[1] * 1e6 / all)
                        .put("trainer_cpu_us", grown[2] * 1e6 / all).put("written_bytes", grown[3] / all)
                        .put("broker_written_bytes", grown[4] / all);
                say("%s", result.json());
            }
        }
        runs.computeIfAbsent(what, none -> new ArrayList<>()).add(result);
        if (bringer.joins()) {
            EachOnce once = new EachOnce(traffic.eventsTopic());
            log(bringer).readAll(record -> {
                if (Example.isIn(record.headers())) {
                    once.add(ExampleLog.example(record));
                }
            });
            once.violation(events).ifPresent(each -> violation(bringer.name() + ": " + each));
            return;
        }
        for (String log : bringer.logs()) {
            long[] records = {0};
            log(log).readAll(record -> records[0]++);
            if (records[0] != events) {
                violation(log + ": expected " + events + " records, found " + records[0]);
            }
        }
    }

    /// The sum over the partitions of all inputs of what a group has read and committed.
    private long committed(Bringer bringer) throws InterruptedException {
        long sum = 0;
        for (Map.Entry<TopicPartition, OffsetAndMetadata> each : lab().committed(bringer.group()).entrySet()) {
            sum += bringer.inputs().contains(each.getKey().topic()) ? each.getValue().offset() : 0;
        }
        return sum;
    }

    /// When the broker appended the newest committed record of a log that is no tick.
    private long lastAppended(TopicPartition log) throws InterruptedException {
        long end = lab().end(log, IsolationLevel.READ_COMMITTED);
        long last = 0;
        try (KafkaConsumer<byte[], byte[]> consumer = lab().reader(List.of(log))) {
            consumer.seek(log, Math.max(0, end - TAIL));
            while (consumer.position(log) < end) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    last = record.headers().lastHeader(Tick.HEADER) == null ? record.timestamp() : last;
                }
            }
        }
        if (last == 0) {
            throw new LoadTestException(
                    "expected an example in the last " + TAIL + " records of " + log + ", found none");
        }
        return last;
    }

    /// From when an event and its label are due until the first answer over HTTP by a version that has learned it.
    private List<Result> latency() throws InterruptedException {
        StreamTraffic traffic = new StreamTraffic(lab(), "live", 0, 1, Duration.ZERO, Duration.ZERO);
        try (StreamSystem system = new StreamSystem(lab(), lab().logs().resolve("live"), traffic,
                traffic.joinedSpec("live", "PT1M"), StreamSystem.Size.USUAL)) {
            return List.of(new ServedLatency(system, traffic, options.perSecond()).measure(options.warmUp(),
                    options.window()));
        }
    }

    /// What a waiting event takes, and how long a joiner takes to join the first event again.
    private List<Result> restart() throws InterruptedException {
        long waiting = options.waiting();
        StreamTraffic traffic = new StreamTraffic(lab(), "waiting",
                Instant.now().minus(Duration.ofHours(6)).toEpochMilli(), waiting, Duration.ofHours(1), LABEL_AFTER);
        Bringer bringer = joiner("waiting", List.of(traffic.eventsTopic()), traffic.joinedSpec("waiting", "PT23H"));
        Path state = state("waiting");
        Result result =
                new Result().put("waiting_events", waiting).put("event_bytes", traffic.event(0, 0).value().length);
        long next = waiting;
        ChildJvm joiner = start(bringer);
        try {
            joins(traffic, bringer, joiner, next++); // all is loaded, and compiled in part
            long heap = heapBytes(joiner);
            traffic.fill(lab(), 0, waiting, false);
            ChildJvm first = joiner;
            ExampleLog.reach("waiting events", waiting, first::requireAlive, () -> committed(bringer));
            awaitAllRead(bringer, first);
            joins(traffic, bringer, joiner, next++);
            result.put("heap_bytes_per_event", (heapBytes(joiner) - heap) / (double) waiting).put(
                    "changelog_bytes_per_event",
                    lab().bytes(topic -> topic.startsWith(bringer.group()) && topic.endsWith("-changelog"))
                            / (double) waiting);
            joiner.stop(WITHIN); // what lies in memory goes to disk
            result.put("disk_bytes_per_event", bytes(state) / (double) waiting);
            joiner = start(bringer);
            joins(traffic, bringer, joiner, next++);
            for (String how : List.of("stopped", "killed", "state_lost")) {
                double[] seconds = new double[options.repetitions()];
                for (int i = 0; i < seconds.length; i++) {
                    if (how.equals("stopped")) {
                        joiner.stop(WITHIN);
                    } else {
                        next += killUnderLoad(traffic, bringer, joiner, next);
                    }
                    if (how.equals("state_lost")) {
                        Processes.delete(state);
                    }
                    long probe = next++;
                    traffic.fill(lab(), probe, probe + 1, true);
                    try (KafkaConsumer<byte[], byte[]> consumer = lab().readerOfNew(log(bringer).log())) {
                        long began = System.nanoTime();
                        joiner = start(bringer);
                        awaitJoined(consumer, joiner, probe);
                        seconds[i] = secondsSince(began);
                    }
                    say("%s: %.1f s", how, seconds[i]);
                    awaitAllRead(bringer, joiner);
                }
                result.samples(how + "_s", seconds);
            }
        } finally {
            joiner.kill();
        }
        return List.of(result);
    }

    /// Returns when all records of all topics that the group has read from are read and committed, also of those
    /// between two steps of a join.
    private void awaitAllRead(Bringer bringer, ChildJvm joiner) throws InterruptedException {
        Await.until(bringer.name() + " to have read all", WITHIN, joiner::requireAlive, () -> {
            for (Map.Entry<TopicPartition, OffsetAndMetadata> each : lab().committed(bringer.group()).entrySet()) {
                long end = lab().end(each.getKey(), IsolationLevel.READ_COMMITTED);
                if (end - each.getValue().offset() > LAG_OF_NONE) {
                    return false;
                }
            }
            return true;
        });
    }

    /// Kills a joiner while events come and are joined, and then ends writing.
    ///
    /// @return how many events may have been written
    private int killUnderLoad(StreamTraffic traffic, Bringer bringer, ChildJvm joiner, long first)
            throws InterruptedException {
        int events = (int) (options.perSecond() * LOAD_MAX.toSeconds());
        long before = committed(bringer);
        try (Background sending = traffic.paced(lab(), options.perSecond(), first, events, (event, nanos) -> {
        })) {
            long wanted = before + (long) (options.perSecond() * LOAD_BEFORE_KILL.toSeconds());
            ExampleLog.reach("records read under load", wanted, joiner::requireAlive, () -> committed(bringer));
            if (sending.isDone()) {
                throw new LoadTestException("expected events to come when the joiner is killed, found all written");
            }
            sending.requireHealthy("can't send");
            joiner.kill();
        }
        return events;
    }

    /// Writes an event with its label and waits until it is joined.
    private void joins(StreamTraffic traffic, Bringer bringer, ChildJvm joiner, long event)
            throws InterruptedException {
        try (KafkaConsumer<byte[], byte[]> consumer = lab().readerOfNew(log(bringer).log())) {
            traffic.fill(lab(), event, event + 1, true);
            awaitJoined(consumer, joiner, event);
        }
    }

    private static void awaitJoined(KafkaConsumer<byte[], byte[]> consumer, ChildJvm joiner, long event)
            throws InterruptedException {
        Await.until("event " + event + " to be joined", WITHIN, joiner::requireAlive, () -> {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(20))) {
                if (Example.isIn(record.headers()) && Payments.number(record.key()) == event) {
                    return true;
                }
            }
            return false;
        });
    }

    /// Bytes of the objects that are left after a full collection.
    private static long heapBytes(ChildJvm process) {
        String text = Processes.ask(process, "GC.class_histogram");
        Matcher total = Pattern.compile("Total +[0-9]+ +([0-9]+)").matcher(text);
        if (!total.find()) {
            throw new LoadTestException("expected a histogram of the joiner's heap, found " + text);
        }
        return Long.parseLong(total.group(1));
    }

    private static long bytes(Path directory) {
        return Processes.all(directory).stream().filter(Files::isRegularFile).mapToLong(each -> each.toFile().length())
                .sum();
    }

    /// Thirty days of events, read as fast as can be.
    private List<Result> backfill() throws InterruptedException {
        long events = options.events();
        StreamTraffic traffic = new StreamTraffic(lab(), "month",
                Instant.now().minus(Duration.ofDays(31)).toEpochMilli(), events, Duration.ofDays(30), LABEL_AFTER);
        traffic.fill(lab(), 0, events, true);
        say("%,d events and labels of 30 days", events);
        List<String> both = traffic.topics();
        List<Result> results = new ArrayList<>();
        for (boolean joined : new boolean[]{false, true}) {
            String stream = joined ? "month" : "month-stateless";
            String free = stream + "-unaligned";
            Duration label = joined ? LABEL_AFTER : Duration.ZERO;
            List<String> inputs = joined ? both : both.subList(0, 1);
            String spec = joined ? traffic.joinedSpec(stream, "PT30M") : traffic.statelessSpec(stream);
            String freeSpec = joined ? traffic.joinedSpec(free, "PT30M") : traffic.statelessSpec(free);
            LogOrder order = backfill(joiner(stream, inputs, spec), traffic, true, results);
            places = order.places();
            long bound = ALIGN.plus(label).toMillis() + commitMost(order, traffic, joined);
            // Not all of its events become examples: some come too late for the window of a join.
            LogOrder unaligned =
                    backfill(joiner(free, inputs, freeSpec + "align: " + NO_ALIGN + "\n"), traffic, false, results);
            results.getLast().put("align_min", NO_ALIGN.toMinutes());
            results.get(results.size() - 2).put("align_min", ALIGN.toMinutes())
                    .put("label_after_min", label.toMillis() / 60e3).put("bound_min", bound / 60e3);
            if (order.back() > bound) {
                violation(stream + ": expected event time to go back by at most " + Duration.ofMillis(bound)
                        + ", found " + Duration.ofMillis(order.back()));
            }
            if (unaligned.back() <= bound) {
                violation(stream + ": the bound says nothing: expected event time to go back by more than "
                        + Duration.ofMillis(bound) + " if partitions are not aligned, found "
                        + Duration.ofMillis(unaligned.back()));
            }
        }
        return results;
    }

    /// The most by which the largest event time may grow in one commit. What a stateless joiner writes in a commit is
    /// no more than it reads: without a fault that many events, and align on either side.
    private static long commitMost(LogOrder order, StreamTraffic traffic, boolean joined) {
        return joined ? order.commit() : Math.min(order.commit(),
                (long) (order.recordsOfACommit() * traffic.between() * 1e-6) + 2 * ALIGN.toMillis());
    }

    /// @param each whether each event must have an example
    private LogOrder backfill(Bringer bringer, StreamTraffic traffic, boolean each, List<Result> results)
            throws InterruptedException {
        long events = options.events();
        ExampleLog log = log(bringer);
        try (ChildJvm joiner = start(bringer)) {
            if (each) {
                log.awaitAll(events, joiner::requireAlive);
            } else {
                ExampleLog.reach("records read, all", events * bringer.inputs().size(), joiner::requireAlive,
                        () -> committed(bringer));
                awaitAllRead(bringer, joiner);
            }
        }
        long[] appended = {Long.MAX_VALUE, 0};
        LogOrder order = new LogOrder((int) Math.max(1, events / PLACES));
        EachOnce once = new EachOnce(traffic.eventsTopic());
        log.readAll(record -> {
            if (!Example.isIn(record.headers())) {
                order.tick(record.offset());
                return;
            }
            appended[0] = Math.min(appended[0], record.timestamp());
            appended[1] = Math.max(appended[1], record.timestamp());
            Example example = ExampleLog.example(record);
            once.add(example);
            order.add(record.offset(), example.eventTime());
        });
        if (each) {
            once.violation(events).ifPresent(found -> violation(bringer.name() + ": " + found));
        }
        Result result = new Result().put("what", bringer.name()).put("examples", order.records())
                .put("commits", order.commits()).put(EVENTS, order.records() / ((appended[1] - appended[0]) * 1e-3))
                .put("commit_records_most", order.recordsOfACommit()).put("commit_most_min", order.commit() / 60e3)
                .put("back_most_min", order.back() / 60e3);
        say("%s", result.json());
        results.add(result);
        return order;
    }
}
