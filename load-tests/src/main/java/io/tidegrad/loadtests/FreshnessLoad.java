package io.tidegrad.loadtests;

import io.tidegrad.engine.model.Plan;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.Topics;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Measures freshness: how long after an event was due a client of the scorer first gets an answer over HTTP by a version
/// that has learned it. Broker, registry, trainer and scorer are processes, the events come in an open loop, and the
/// time is divided into the parts that a broker and any consumer can see.
public final class FreshnessLoad extends LoadTest {
    private static final ShippedStream STREAM = ShippedStream.FLIGHTS;
    private static final String TOPIC = "flights";
    private static final String MODEL = "fresh";
    private static final String COUNTS = "counts";

    private static final Duration WITHIN = Duration.ofSeconds(120);

    /// Between an answer and the next question: the precision of the result, and long enough that questions do not keep
    /// the scorer from loading.
    private static final Duration BETWEEN_QUESTIONS = Duration.ofMillis(2);

    private static final String WHOLE = "whole";
    private static final String APPEND = "append";
    private static final String LEARN = "learn_and_commit";
    private static final String LOAD = "load_and_ask";

    private static final int BUCKETS_MIN = 8;
    private static final int DIMENSION = 8;

    private static final String SPEC = """
            model: MODEL
            input:    { topic: TOPIC, event-time: departed }
            label:    { field: late }
            features:
              - number:    { field: distance, scale: standard }
              - time-part: { field: departed, parts: [hour, weekday], dimension: 8 }
              - category:  { field: origin, buckets: 16, dimension: 8 }
              - category:  { field: destination, buckets: 16, dimension: 8 }
              - cross:     { fields: [origin, destination], buckets: BUCKETS, dimension: 8 }
            network:   [ dense: 32, relu, dense: 1 ]
            loss:      binary-cross-entropy
            optimizer: { sgd: { rate: 0.03 } }
            mini-batch: { size: 1 }
            publish:   { every: EVERY }
            """;

    private final Options options;
    private final ModelSpec spec;
    private final long weights;

    /// @param weights of the model, at least; the table of its cross feature takes what the rest leaves
    /// @param eventsPerSecond sent, evenly
    /// @param opening while the compilers work, before the window
    /// @param window that is measured
    /// @param publishEvery a snapshot at most
    /// @param commitMillis between two commits; 0 for the trainer's own choice
    /// @param backlog events that lie ready at the end, to see how many a second are learned; 0 for none
    /// @param counting whether a program without a model also reads the events, to see what Kafka Streams takes
    /// @param json one line of JSON instead of text for people
    public record Options(long weights, double eventsPerSecond, Duration opening, Duration window,
            Duration publishEvery, int commitMillis, int backlog, boolean counting, boolean json) {
        public Options {
            Limits.require("--weights", weights, 2_000, 1L << 28);
            Limits.require("--rate", eventsPerSecond, 0.1, 1_000_000);
            Limits.require("opening", opening.toSeconds(), 0, 3_600);
            Limits.require("--seconds", window.toSeconds(), 1, 3_600);
            Limits.require("--publish-ms", publishEvery.toMillis(), 10, 60_000);
            Limits.require("--commit-ms", commitMillis, 0, 60_000);
            Limits.require("--backlog", backlog, 0, 50_000_000);
            Limits.require("--rate x --seconds", eventsPerSecond * window.toSeconds(), 1, 50_000_000);
        }
    }

    public FreshnessLoad(Options options, PrintStream out, PrintStream progress) {
        super(options.json(), out, progress);
        this.options = options;
        long others = weights(spec(BUCKETS_MIN)) - (long) BUCKETS_MIN * DIMENSION;
        spec = spec((int) Math.max(BUCKETS_MIN, Math.ceilDiv(options.weights() - others, DIMENSION)));
        weights = weights(spec);
    }

    private ModelSpec spec(int buckets) {
        return ModelSpec.parse(SPEC.replace("MODEL", MODEL).replace("TOPIC", TOPIC)
                .replace("BUCKETS", String.valueOf(buckets)).replace("EVERY", options.publishEvery().toString()),
                "the spec");
    }

    private static long weights(ModelSpec spec) {
        return Plan.of(spec.network()).weights();
    }

    @Override
    protected String measure() throws InterruptedException {
        EventsTopic.create(lab().bootstrapServers(), TOPIC);
        Path files = lab().logs().resolve(MODEL);
        int trainerPort = Ports.free();
        int port = Ports.free();
        try (ChildJvm trainer = trainer(files, trainerPort)) {
            TrainerClient client = new TrainerClient(lab().http(), trainerPort, MODEL);
            await("the trainer to run", trainer::requireAlive, () -> client.health().running());
            List<String> command = Processes.scorer(lab().bootstrapServers(), MODEL, port, List.of());
            try (ChildJvm scorer = start("scorer", command, files)) {
                await("the scorer to answer", scorer::requireAlive,
                        () -> !Processes.health(lab().http(), port).isMissingNode());
                if (!options.counting()) {
                    return measure(trainer, scorer, null, port);
                }
                lab().createTopics(List.of(COUNTS), 1, Map.of());
                List<String> program = KafkaStreamsProgram.counting(lab().bootstrapServers(), COUNTS,
                        files.resolve("counting"), COUNTS, TOPIC, options.publishEvery());
                try (ChildJvm counting = start("counting", program, files)) {
                    return measure(trainer, scorer, counting, port);
                }
            }
        }
    }

    private String measure(ChildJvm trainer, ChildJvm scorer, @Nullable ChildJvm counting, int port)
            throws InterruptedException {
        List<StreamEvent> shipped = STREAM.read();
        int opening = events(options.opening());
        int all = opening + events(options.window());
        Seen answered = new Seen();
        Seen published = new Seen();
        AtomicLong snapshotBytes = new AtomicLong();
        AtomicLong changelogBytes = new AtomicLong();
        TopicPartition changelog = new TopicPartition(Topics.changelog(Topics.DEFAULT.applicationId(MODEL, 1)), 0);
        try (Asker asker = new Asker(port, MODEL, Json.write(shipped.getFirst().toQuestion()), BETWEEN_QUESTIONS,
                (status, body) -> {
                    if (status != 200) {
                        throw new LoadTestException("expected every question answered, found " + status + " " + body);
                    }
                    answered.add(Json.parse(body).path("offset").asLong(), System.nanoTime());
                });
                Background snapshots =
                        published.watch(lab().bootstrapServers(), Topics.DEFAULT.snapshots(MODEL), snapshotBytes);
                Background changes =
                        KafkaClients.tail("changelog-watch", lab().bootstrapServers(), Map.of(), List.of(changelog),
                                (consumer, records) -> records.forEach(record -> changelogBytes.addAndGet(
                                        record.serializedKeySize() + Math.max(0, record.serializedValueSize()))));
                PacedEvents events = new PacedEvents(lab(), TOPIC, STREAM, shipped, options.eventsPerSecond(), all)) {
            Runnable healthy = () -> {
                trainer.requireAlive();
                scorer.requireAlive();
                if (counting != null) {
                    counting.requireAlive();
                }
                asker.requireHealthy();
                snapshots.requireHealthy("can't read the snapshots");
                changes.requireHealthy("can't read the changelog");
                events.requireHealthy();
            };
            say("%,d weights, %,.0f events/s", weights, options.eventsPerSecond());
            DoubleSupplier trainerCpu = ProcessFigures.cpuFromNow(trainer.pid());
            DoubleSupplier scorerCpu = ProcessFigures.cpuFromNow(scorer.pid());
            long epochNanos = ChronoUnit.NANOS.between(Instant.EPOCH, Instant.now()) - System.nanoTime();
            events.start();
            Await.until("an answer that knows the events before the window", options.opening().plus(WITHIN), healthy,
                    () -> answered.newest() >= opening);
            BrokerBytes writtenBefore = brokerBytes();
            long changelogBefore = changelogBytes.get();
            DoubleSupplier trainerCpuOfWindow = ProcessFigures.cpuFromNow(trainer.pid());
            DoubleSupplier compilerCpu = ProcessFigures.fromNow(() -> ProcessFigures.compilerCpuSeconds(trainer.pid()));
            DoubleSupplier countingCpu =
                    counting == null ? () -> Double.NaN : ProcessFigures.cpuFromNow(counting.pid());
            Await.until("all events sent", options.opening().plus(options.window()).plus(WITHIN), healthy,
                    events::isDone);
            await("an answer that knows them all", healthy, () -> answered.newest() >= all);
            await("a snapshot of them all", healthy, () -> published.newest() >= all);
            double cpu = trainerCpu.getAsDouble() + scorerCpu.getAsDouble();
            double perEvent = 1.0 / (all - opening);
            double trainerCpuPerEvent = 1e6 * trainerCpuOfWindow.getAsDouble() * perEvent;
            double compilerCpuPerEvent = 1e6 * compilerCpu.getAsDouble() * perEvent;
            double countingCpuPerEvent = 1e6 * countingCpu.getAsDouble() * perEvent;
            double changelogPerEvent = (changelogBytes.get() - changelogBefore) * perEvent;
            BrokerBytes window = brokerBytes().since(writtenBefore);
            Map<String, Double> written = writtenBytes(window);
            Result result = new Result().put("weights", weights).put("events_per_s", options.eventsPerSecond())
                    .put("events", all - opening).put("publish_ms", options.publishEvery().toMillis())
                    .put("commit_ms", options.commitMillis());
            parts(events, published, answered, epochNanos, opening, all)
                    .forEach((part, sorted) -> result.percentiles(part.equals(WHOLE) ? "" : part + "_", sorted));
            result.put("answers", asker.answers()).put("versions_answered", answered.versionsFrom(0))
                    .put("snapshot_bytes", snapshotBytes.get()).put("changelog_bytes_per_event", changelogPerEvent)
                    .put("written_bytes_per_event", Double.isNaN(window.written()) ? Double.NaN
                            : written.values().stream().mapToDouble(Double::doubleValue).sum() * perEvent);
            written.forEach((topic, bytes) -> result.put("written_bytes_per_event_to_" + topic, bytes * perEvent));
            result.put("sent_late_max_ms", events.latestNanos() * 1e-6).put("trainer_and_scorer_cpu_s", cpu)
                    .put("trainer_cpu_us_per_event", trainerCpuPerEvent)
                    .put("trainer_compilers_cpu_us_per_event", compilerCpuPerEvent);
            if (counting != null) {
                result.put("counting_cpu_us_per_event", countingCpuPerEvent);
            }
            result.put("backlog_events", options.backlog());
            double backlog = options.backlog() == 0 ? 0 : backlog(all, trainer, answered, healthy);
            return text(List.of(result.put("backlog_events_per_s", backlog)));
        }
    }

    /// Returns how many events of a backlog are learned a second, from when the trainer begins until an answer comes from
    /// a version that has learned all. The backlog is written while the trainer is paused, between two transactions.
    private double backlog(int written, ChildJvm trainer, Seen answered, Runnable healthy) throws InterruptedException {
        say("a backlog of %,d events", options.backlog());
        trainer.pause();
        try {
            new EventLog(TrainStream.of(STREAM), new TopicPartition(TOPIC, 0), written, false, written, 0).with(lab(),
                    options.backlog());
        } finally {
            trainer.resume();
        }
        long start = System.nanoTime();
        await("an answer that knows the backlog", healthy, () -> answered.newest() >= written + options.backlog());
        return options.backlog() / secondsSince(start);
    }

    /// By topic, the bytes of all batches that trainer and scorer have caused, the broker's own records of offsets and
    /// transactions included; with the program that counts also those of its transactions.
    private static Map<String, Double> writtenBytes(BrokerBytes window) {
        Map<String, Double> written = new TreeMap<>(window.writtenTo());
        written.keySet().removeAll(Set.of(TOPIC, COUNTS));
        written.values().removeIf(bytes -> bytes == 0);
        return written;
    }

    private int events(Duration time) {
        return (int) Math.ceil(options.eventsPerSecond() * time.toMillis() / 1_000);
    }

    private static void await(String expected, Runnable healthy, Await.Interruptible<Boolean> condition)
            throws InterruptedException {
        Await.until(expected, WITHIN, healthy, condition);
    }

    private ChildJvm trainer(Path files, int port) {
        Path specFile = Processes.write(files.resolve("spec.yaml"), spec.yaml());
        List<String> more = new ArrayList<>(List.of("--spec", specFile.toString()));
        if (options.commitMillis() > 0) {
            more.addAll(List.of("--kafka.commit.interval.ms", String.valueOf(options.commitMillis())));
        }
        return start("trainer", Processes.trainer(lab(), files, port, more), files);
    }

    private ChildJvm start(String name, List<String> command, Path files) {
        // Twice a model while another is taken in, and what the JVM and Kafka's clients need.
        String heap = "-Xmx" + (512 + 6 * weights * Float.BYTES / 1_000_000) + "m";
        return Processes.start(name, childFlags(heap, ProcessFigures.KEEP_COMPILERS), command, files);
    }

    /// For all events of the window, the sorted milliseconds from when each was due until an answer knew it, and the parts
    /// of that time.
    private static Map<String, double[]> parts(PacedEvents events, Seen published, Seen answers, long epochNanos,
            int from, int to) {
        long[] appendedMillis = events.appendedMillis();
        long[] publishedNanos = published.firstIn(to);
        long[] answeredNanos = answers.firstIn(to);
        Map<String, double[]> parts = new LinkedHashMap<>();
        for (String part : List.of(WHOLE, APPEND, LEARN, LOAD)) {
            parts.put(part, IntStream.range(from, to).mapToDouble(event -> {
                long due = events.dueNanos(event);
                // A broker tells whole milliseconds, so the middle of it is taken.
                double append = appendedMillis[event] + 0.5 - (due + epochNanos) * 1e-6;
                double publish = (publishedNanos[event] - due) * 1e-6;
                double whole = (answeredNanos[event] - due) * 1e-6;
                return switch (part) {
                    case WHOLE -> whole;
                    case APPEND -> append;
                    case LEARN -> publish - append;
                    default -> whole - publish;
                };
            }).sorted().toArray());
        }
        return parts;
    }
}
