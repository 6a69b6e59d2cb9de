package io.tidegrad.loadtests;

import io.tidegrad.engine.model.Plan;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.RunDirectory;
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
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;

/// From an event to the first answer that knows it: how long after it was to be produced a client of the scorer, over
/// HTTP, first gets an answer of a version that has learned it. Broker, registry, trainer and scorer are processes of
/// their own, the events come in an open loop, and the parts of the time are told apart by what a broker and any
/// consumer can see.
public final class FreshnessLoad extends LoadTest {
    private static final ShippedStream STREAM = ShippedStream.FLIGHTS;
    private static final String TOPIC = "flights";
    private static final String MODEL = "fresh";

    private static final Duration WITHIN = Duration.ofSeconds(120);

    /// Between an answer and the next question: the answers' freshness is known to within this, and the scorer is not
    /// kept from loading by being asked.
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

    private final FreshnessOptions options;
    private final ModelSpec spec;
    private final long weights;

    public FreshnessLoad(FreshnessOptions options, PrintStream out, PrintStream progress) {
        super(out, progress);
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
    protected String measure(LocalStack stack, RunDirectory directory) throws InterruptedException {
        EventsTopic.create(stack.bootstrapServers(), TOPIC);
        List<StreamEvent> shipped = STREAM.read();
        Path files = directory.logs().resolve(MODEL);
        int trainerPort = Ports.free();
        int port = Ports.free();
        try (Json http = new Json(); ChildJvm trainer = trainer(stack, files, trainerPort)) {
            TrainerClient client = new TrainerClient(http, trainerPort, MODEL);
            await("the trainer to run", trainer::requireAlive, () -> client.health().running());
            try (ChildJvm scorer = scorer(stack, files, port)) {
                await("the scorer to answer", scorer::requireAlive,
                        () -> http.get("http://127.0.0.1:" + port + "/health") != null);
                return measure(stack, trainer, scorer, shipped, port);
            }
        }
    }

    private String measure(LocalStack stack, ChildJvm trainer, ChildJvm scorer, List<StreamEvent> shipped, int port)
            throws InterruptedException {
        int opening = events(options.opening());
        int all = opening + events(options.window());
        Seen answered = new Seen();
        try (Asker asker = new Asker(port, MODEL, Json.write(shipped.getFirst().toQuestion()), BETWEEN_QUESTIONS,
                (status, body) -> {
                    if (status != 200) {
                        throw new LoadTestException("expected every question answered, found " + status + " " + body);
                    }
                    answered.add(Json.parse(body).path("offset").asLong(), System.nanoTime());
                });
                SnapshotWatch watch = new SnapshotWatch(stack.bootstrapServers(), Topics.DEFAULT.snapshots(MODEL));
                PacedEvents events = new PacedEvents(stack, TOPIC, STREAM, shipped, options.eventsPerSecond(), all)) {
            Runnable healthy = () -> {
                trainer.requireAlive();
                scorer.requireAlive();
                asker.requireHealthy();
                watch.requireHealthy();
                events.requireHealthy();
            };
            say("%,d weights, %,.0f events/s", weights, options.eventsPerSecond());
            double cpu = CpuClock.seconds(trainer.pid()) + CpuClock.seconds(scorer.pid());
            long epochNanos = ChronoUnit.NANOS.between(Instant.EPOCH, Instant.now()) - System.nanoTime();
            events.start();
            Duration sending = options.opening().plus(options.window()).plus(WITHIN);
            Await.until("all events sent", sending, () -> {
                healthy.run();
                return events.isDone();
            });
            await("an answer that knows them all", healthy, () -> answered.newest() >= all);
            await("a snapshot of them all", healthy, () -> watch.published().newest() >= all);
            cpu = CpuClock.seconds(trainer.pid()) + CpuClock.seconds(scorer.pid()) - cpu;
            Map<String, double[]> parts = parts(events, watch, answered, epochNanos, opening, all);
            long versions = answered.versionsFrom(0);
            long bytes = watch.bytes();
            double perSecond = options.backlog() == 0 ? 0 : backlog(stack, shipped, all, trainer, answered, healthy);
            return text(parts, events, asker.answers(), versions, bytes, cpu, perSecond);
        }
    }

    /// Events a second, of a backlog, from when the trainer begins with it until an answer knows all of it. It is
    /// written while the trainer stands still, between two transactions.
    private double backlog(LocalStack stack, List<StreamEvent> shipped, int written, ChildJvm trainer, Seen answered,
            Runnable healthy) throws InterruptedException {
        say("a backlog of %,d events", options.backlog());
        trainer.pause();
        try {
            new EventLog(STREAM, new TopicPartition(TOPIC, 0), written, false, written).with(stack, shipped,
                    options.backlog());
        } finally {
            trainer.resume();
        }
        long start = System.nanoTime();
        await("an answer that knows the backlog", healthy, () -> answered.newest() >= written + options.backlog());
        return options.backlog() / ((System.nanoTime() - start) * 1e-9);
    }

    private int events(Duration time) {
        return (int) Math.ceil(options.eventsPerSecond() * time.toMillis() / 1_000);
    }

    private static void await(String expected, Runnable healthy, Await.Condition condition)
            throws InterruptedException {
        Await.until(expected, WITHIN, () -> {
            healthy.run();
            return condition.holds();
        });
    }

    private ChildJvm trainer(LocalStack stack, Path files, int port) {
        Path specFile = Processes.write(files.resolve("spec.yaml"), spec.yaml());
        List<String> more = new ArrayList<>(List.of("--spec", specFile.toString()));
        if (options.commitMillis() > 0) {
            more.addAll(List.of("--kafka.commit.interval.ms", String.valueOf(options.commitMillis())));
        }
        return start("trainer", Processes.trainer(stack, files, port, more), files);
    }

    private ChildJvm scorer(LocalStack stack, Path files, int port) {
        return start("scorer", Processes.scorer(stack.bootstrapServers(), MODEL, port, List.of()), files);
    }

    private ChildJvm start(String name, List<String> command, Path files) {
        List<String> flags = new ArrayList<>(childFlags());
        // Twice a model while another is taken in, and what the JVM and Kafka's clients need.
        flags.add("-Xmx" + (512 + 6 * weights * Float.BYTES / 1_000_000) + "m");
        return Processes.start(name, flags, command, files);
    }

    /// Of every event of the window, sorted milliseconds: from when it was due to an answer that knows it, and the parts
    /// of that time.
    private static Map<String, double[]> parts(PacedEvents events, SnapshotWatch watch, Seen answers, long epochNanos,
            int from, int to) {
        long[] appendedMillis = events.appendedMillis();
        long[] publishedNanos = watch.published().firstIn(to);
        long[] answeredNanos = answers.firstIn(to);
        Map<String, double[]> parts = new LinkedHashMap<>();
        for (String part : List.of(WHOLE, APPEND, LEARN, LOAD)) {
            parts.put(part, IntStream.range(from, to).mapToDouble(event -> {
                long due = events.dueNanos(event);
                // Brokers count whole milliseconds: taken as the middle of it.
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

    /// Nearest rank.
    private static double percentile(double[] sorted, double share) {
        return sorted[(int) Math.ceil(share * sorted.length) - 1];
    }

    private String text(Map<String, double[]> parts, PacedEvents events, long answers, long versions,
            long snapshotBytes, double cpuSeconds, double backlogPerSecond) {
        if (options.json()) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("weights", weights);
            line.put("events_per_s", options.eventsPerSecond());
            line.put("events", events(options.window()));
            line.put("publish_ms", options.publishEvery().toMillis());
            line.put("commit_ms", options.commitMillis());
            parts.forEach((name, sorted) -> {
                String prefix = name.equals(WHOLE) ? "" : name + "_";
                line.put(prefix + "p50_ms", percentile(sorted, 0.5));
                line.put(prefix + "p99_ms", percentile(sorted, 0.99));
                line.put(prefix + "max_ms", sorted[sorted.length - 1]);
            });
            line.put("versions_answered", versions);
            line.put("snapshot_bytes", snapshotBytes);
            line.put("sent_late_max_ms", events.latestNanos() * 1e-6);
            line.put("trainer_and_scorer_cpu_s", cpuSeconds);
            line.put("backlog_events", options.backlog());
            line.put("backlog_events_per_s", backlogPerSecond);
            return Json.write(line) + "\n";
        }
        return String.format(Locale.ROOT, """
                %,d weights, %,.0f events/s for %d s, a snapshot every %d ms%s
                                                     p50      p99      max   ms
                %s%,d answers by %,d versions; %,.1f MB of snapshots; an event was sent at most %.0f ms late; trainer and scorer took %.1f s of CPU
                %s""", weights, options.eventsPerSecond(), options.window().toSeconds(),
                options.publishEvery().toMillis(),
                options.commitMillis() == 0 ? "" : ", a commit every " + options.commitMillis() + " ms", rows(parts),
                answers, versions, snapshotBytes * 1e-6, events.latestNanos() * 1e-6, cpuSeconds,
                options.backlog() == 0 ? ""
                        : String.format(Locale.ROOT,
                                "%,d events that lay ready: %,.0f events/s until an answer knew them all%n",
                                options.backlog(), backlogPerSecond));
    }

    private static String rows(Map<String, double[]> parts) {
        Map<String, String> words = Map.of(WHOLE, "event to answer", APPEND, "  appended by the broker", LEARN,
                "  learned and committed", LOAD, "  loaded and asked for");
        StringBuilder rows = new StringBuilder();
        parts.forEach((name, sorted) -> rows.append(String.format(Locale.ROOT, "%-28s %8.1f %8.1f %8.1f%n",
                words.get(name), percentile(sorted, 0.5), percentile(sorted, 0.99), sorted[sorted.length - 1])));
        return rows.toString();
    }
}
