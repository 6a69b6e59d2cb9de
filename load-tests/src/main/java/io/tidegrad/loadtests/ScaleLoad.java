package io.tidegrad.loadtests;

import io.tidegrad.engine.model.Plan;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStackException;
import io.tidegrad.model.spec.ModelSpec;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/// Grows one thing of a system step by step, until the first thing breaks: number of models, partitions of events and of
/// labels, weights, fields or events a second. Each step is a stream of its own with joiner, trainer and scorer, of which
/// the freshness is measured.
public final class ScaleLoad extends LoadTest {
    /// From where on a commit is an alarm, because its transaction may take 10 s (docs/operations/watch.md).
    private static final double FLUSH_MAX_MS = 2_500;

    /// Of the events that are due, until all are served.
    private static final double KEPT_MIN = 0.9;

    private static final Duration WARM_UP = Duration.ofSeconds(5);
    private static final Duration LOOK_EVERY = Duration.ofMillis(500);
    private static final int DIMENSION = 4;
    private static final long BUCKETS_MIN = 8;
    private static final int HEAP_MB = 512;
    private static final int HEAP_MB_A_MODEL = 8;

    /// Of a weight: itself, two moments, and as much again while it is published and restored.
    private static final int TRAINER_BYTES = 24;

    private static final int SCORER_BYTES = 12;
    private static final int FIELDS_OF_ITS_OWN = 3;

    private static final String EXHAUSTED = "OutOfMemoryError";

    private final Options options;

    /// What grows.
    public enum Axis {
        MODELS(1, 2, 5, 10, 20, 50, 100, 200), PARTITIONS(1, 2, 4, 8, 12),
        WEIGHTS(1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000), FIELDS(5, 10, 20, 50, 100, 200),
        RATE(10, 100, 1_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000);

        private final List<Long> steps;

        Axis(long... steps) {
            this.steps = Arrays.stream(steps).boxed().toList();
        }
    }

    /// @param upTo the last step of each axis, if it has a greater one
    /// @param rate events a second, where it is not what grows
    /// @param window that is measured in each step
    /// @param heapMegabytes that a trainer may have at most
    public record Options(List<Axis> axes, long upTo, double rate, Duration window, int heapMegabytes, boolean json) {
        public Options {
            Limits.require("--up-to", upTo, 1, Long.MAX_VALUE);
            Limits.require("--rate", rate, 1, 1_000_000);
            Limits.require("--seconds", window.toSeconds(), 1, 3_600);
            Limits.require("--heap-mb", heapMegabytes, HEAP_MB, 1_000_000);
            axes = List.copyOf(axes);
        }
    }

    public ScaleLoad(Options options, PrintStream out, PrintStream progress) {
        super(options.json(), out, progress);
        this.options = options;
    }

    @Override
    protected String measure() throws InterruptedException {
        for (Axis axis : options.axes()) {
            List<Result> results = new ArrayList<>();
            String breaks = "";
            for (long value : axis.steps) {
                if (breaks.isEmpty() && value <= options.upTo()) {
                    Result step = new Result().put("axis", Names.of(axis)).put("value", value);
                    breaks = new Step(axis, value).measure(step);
                    results.add(step.put("breaks", breaks));
                    say("%s %,d: %s", Names.of(axis), value, breaks.isEmpty() ? step.json() : breaks);
                }
            }
            print(results);
        }
        return "";
    }

    /// What of a step's numbers is the first thing that breaks; empty if nothing does.
    static String broken(double rate, double served, double flushMillis) {
        if (!(served >= KEPT_MIN * rate)) {
            return String.format(Locale.ROOT, "lag grows: %,.0f of %,.0f events a second are served", served, rate);
        }
        if (flushMillis > FLUSH_MAX_MS) {
            return String.format(Locale.ROOT, "a commit is too long: %,.0f ms of at most %,.0f", flushMillis,
                    FLUSH_MAX_MS);
        }
        return "";
    }

    /// What ended a step, from the message of an exception, which has the end of a log.
    static String broken(String message) {
        if (message.contains(EXHAUSTED)) {
            return "heap exhausted: " + line(message, EXHAUSTED);
        }
        return (message.startsWith("expected ") ? "stands still: " : "refused or ended: ") + line(message, "");
    }

    /// The first line that has these words; the last one that is not empty of a message that quotes a log.
    private static String line(String message, String words) {
        List<String> lines = message.lines().map(String::strip).filter(each -> !each.isEmpty()).toList();
        return words.isEmpty() ? lines.getLast()
                : lines.stream().filter(each -> each.contains(words)).findFirst().orElse(words);
    }

    private final class Step {
        private final String name;
        private final double rate;
        private final int models;
        private final StreamTraffic.Shape shape;
        private final long buckets;
        private final long weights;
        private final StreamSystem.Size size;
        private volatile double flushMillis;

        Step(Axis axis, long value) {
            name = "scale-" + Names.of(axis) + "-" + value;
            rate = axis == Axis.RATE ? value : options.rate();
            models = axis == Axis.MODELS ? (int) value : 1;
            shape = new StreamTraffic.Shape(
                    axis == Axis.PARTITIONS ? (int) value : StreamTraffic.Shape.USUAL.partitions(),
                    axis == Axis.FIELDS ? (int) value - FIELDS_OF_ITS_OWN : 0);
            long others = weights(BUCKETS_MIN) - BUCKETS_MIN * DIMENSION;
            buckets = axis == Axis.WEIGHTS ? Math.max(BUCKETS_MIN, Math.ceilDiv(value - others, DIMENSION))
                    : StreamSystem.Size.USUAL.buckets();
            weights = weights(buckets);
            size = new StreamSystem.Size(models, buckets, heap(HEAP_MB + models * HEAP_MB_A_MODEL, TRAINER_BYTES),
                    heap(StreamSystem.Size.USUAL.scorerMegabytes(), SCORER_BYTES));
        }

        private long weights(long ofBuckets) {
            return Plan.of(ModelSpec
                    .parse(StreamTraffic.modelSpec("scale", "input: { stream: scale }", 1, ofBuckets, shape.numbers()),
                            "the spec")
                    .network()).weights();
        }

        private int heap(int megabytes, int bytesAWeight) {
            return (int) Math.min(options.heapMegabytes(), megabytes + weights * bytesAWeight / 1_000_000);
        }

        /// Returns what breaks; empty if nothing does.
        String measure(Result result) throws InterruptedException {
            result.put("weights", weights);
            long began = System.nanoTime();
            try {
                long bytes = lab().bytes(topic -> true);
                StreamTraffic traffic = new StreamTraffic(lab(), name, 0, 1, Duration.ZERO, Duration.ZERO, shape);
                try (StreamSystem system = new StreamSystem(lab(), lab().logs().resolve(name), traffic,
                        traffic.joinedSpec(name, "PT1M"), size);
                        Background watch = Background.start("flushes", self -> watch(system, self))) {
                    result.put("start_s", secondsSince(began));
                    Result latency = new ServedLatency(system, traffic, rate).measure(WARM_UP, options.window());
                    watch.requireHealthy("can't look at the trainer");
                    double served = latency.number("served_per_s");
                    result.put("events_per_s", Math.min(rate, served)).put("p50_ms", latency.number("p50_ms"))
                            .put("p99_ms", latency.number("p99_ms")).put("flush_ms", flushMillis);
                    double events = rate * WARM_UP.plus(options.window()).toSeconds();
                    result.put("topic_bytes_per_event", (lab().bytes(topic -> true) - bytes) / events);
                    ChildJvm trainer = system.processes().get(StreamSystem.TRAINER);
                    if (trainer != null) {
                        Processes.ask(trainer, "GC.run");
                        GcLog log = system.collections(StreamSystem.TRAINER);
                        Await.until("the trainer's log to tell of a collection", Duration.ofSeconds(10),
                                trainer::requireAlive, () -> {
                                    log.pauseMillis();
                                    return !Double.isNaN(log.askedMillis());
                                });
                        result.put("heap_live_mb", log.liveMegabytes()).put("rss_mb",
                                ProcessFigures.residentMegabytes(trainer.pid()));
                    }
                    return broken(rate, served, flushMillis);
                }
            } catch (LoadTestException | LocalStackException | IllegalArgumentException e) {
                return broken(e.getMessage() + exhausted(lab().logs().resolve(name)));
            }
        }

        /// The line that says that a heap was exhausted, on a line of its own; a process says so in its output. Empty if
        /// none was.
        private static String exhausted(Path logs) {
            try (Stream<Path> files = Files.list(logs)) {
                for (Path file : files.filter(each -> each.toString().matches(".*[.](log|out)")).sorted().toList()) {
                    try (Stream<String> lines = Files.lines(file)) {
                        Optional<String> said = lines.filter(line -> line.contains(EXHAUSTED)).findFirst();
                        if (said.isPresent()) {
                            return "\n" + file.getFileName() + ": " + said.get();
                        }
                    }
                }
                return "";
            } catch (IOException | UncheckedIOException e) {
                return "";
            }
        }

        private void watch(StreamSystem system, Background self) throws InterruptedException {
            while (!self.isClosed()) {
                double flush = Json.number(system.trainerHealth(), "flush_ms");
                flushMillis = flush > flushMillis ? flush : flushMillis;
                Thread.sleep(LOOK_EVERY);
            }
        }
    }
}
