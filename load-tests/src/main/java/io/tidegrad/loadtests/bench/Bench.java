package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.layer.Workers;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Result;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// Measures workloads: one alone in this JVM, several each in a JVM of its own, because what the compiler has seen of
/// one changes the warm-up, and sometimes the speed, of the next.
///
/// @param lines what to measure, in this order
/// @param runs how often; the lines take turns, so that a change of the machine's speed meets all of them
/// @param seconds the measured window of each
public record Bench(List<Line> lines, int runs, double seconds) {
    public static final int BATCH_MAX = 1 << 20;
    public static final double SECONDS_MAX = 3_600;
    public static final int RUNS_MAX = 1_000;

    /// Exit status where the arguments ask for what can't be had; the message is on standard error.
    private static final int REFUSED = 2;

    private static final List<Metric> SHOWN =
            List.of(Metric.EXAMPLES_PER_CPU_S, Metric.EXAMPLES_PER_WALL_S, Metric.LOG_LOSS, Metric.FMA_PEAK_SHARE,
                    Metric.ENGINE_SHARE, Metric.WARMUP_CPU_S, Metric.BYTES_ALLOCATED_PER_STEP, Metric.P50_NS,
                    Metric.P99_NS, Metric.P999_NS, Metric.WATCH_COST, Metric.LEAN_COST, Metric.AUTO_COST,
                    Metric.RICH_COST, Metric.LEAN_WALL_COST, Metric.AUTO_WALL_COST, Metric.RICH_WALL_COST);

    /// A workload at one batch size.
    ///
    /// @param workers threads that learn, the calling one included; predictions and kernels take one, whatever is said
    public record Line(Workload workload, int batch, int workers) {
        public Line {
            if (batch < 1 || batch > BATCH_MAX) {
                throw new IllegalArgumentException("--batch: expected 1 to " + BATCH_MAX + ", found " + batch);
            }
            if (workers < 1 || workers > Workers.COUNT_MAX) {
                throw new IllegalArgumentException(
                        "--workers: expected 1 to " + Workers.COUNT_MAX + ", found " + workers);
            }
        }

        String name() {
            return workload.name() + ", batch " + batch + (workers > 1 ? ", " + workers + " workers" : "");
        }

        /// In this JVM.
        ///
        /// @throws IllegalArgumentException the batch doesn't fit into the heap
        List<Measurement> measure(double seconds) {
            try (Workers crew = new Workers(workers)) {
                return switch (workload) {
                    case Workload.Learning learning -> new LearnBench(learning, batch, crew).run(seconds);
                    case Workload.Predicting predicting -> new PredictBench(predicting, batch).run(seconds);
                    case Workload.Loop loop -> new LoopBench(loop, batch).run(seconds);
                    case Workload.Convolution convolution -> new ConvolutionBench(convolution, batch).run(seconds);
                    case Workload.Watching watching -> new ModelsInTurns(watching, batch).watched(seconds);
                    case Workload.Recipes recipes -> new ModelsInTurns(recipes, batch).recipes(seconds, crew);
                    case Workload.Linear linear -> new LinearBench(linear, batch).run(seconds);
                    case Workload.Decoding decoding -> new DecodeBench(decoding, batch).run(seconds);
                    case Workload.Backtesting backtesting -> new BacktestBench(backtesting).run(seconds);
                };
            } catch (OutOfMemoryError tooLarge) {
                throw new IllegalArgumentException("--batch: expected one that fits into the heap of "
                        + Runtime.getRuntime().maxMemory() / (1 << 20) + " MiB, found " + batch
                        + " (TIDEGRAD_JVM_OPTIONS=-Xmx8g makes it larger)", tooLarge);
            }
        }
    }

    public Bench {
        if (!(seconds > 0 && seconds <= SECONDS_MAX)) {
            throw new IllegalArgumentException("--seconds: expected more than 0 and at most 3600, found " + seconds);
        }
        if (runs < 1 || runs > RUNS_MAX) {
            throw new IllegalArgumentException("--runs: expected 1 to " + RUNS_MAX + ", found " + runs);
        }
        lines = List.copyOf(lines);
    }

    /// @param progress told which measurement begins
    /// @param done told each measurement as soon as it is there
    /// @throws IllegalArgumentException a batch doesn't fit into the heap
    /// @throws LoadTestException a JVM of a measurement failed
    public void run(Consumer<String> progress, Consumer<Measurement> done) {
        boolean alone = lines.size() * runs == 1;
        for (int run = 1; run <= runs; run++) {
            for (Line line : lines) {
                progress.accept(line.name() + (runs > 1 ? ", run " + run + " of " + runs : ""));
                if (alone) {
                    line.measure(seconds).forEach(done);
                } else {
                    MeasuringJvm.LIKE_THIS.run(line.name(), command(line, seconds), done);
                }
            }
        }
    }

    /// One measurement in a JVM of its own: `Bench <workload> <batch> <workers> <seconds>`.
    public static void main(String[] args) {
        Line line = new Line(Workload.named(args[0]), Integer.parseInt(args[1]), Integer.parseInt(args[2]));
        try {
            line.measure(Double.parseDouble(args[3])).forEach(measurement -> System.out.println(measurement.toJson()));
        } catch (IllegalArgumentException e) {
            System.err.println("tidegrad: " + e.getMessage());
            // An exit is logged, and that would set up all of logging.
            Runtime.getRuntime().halt(REFUSED);
        }
    }

    /// The main class and the arguments of that JVM.
    static List<String> command(Line line, double seconds) {
        return List.of(Bench.class.getName(), line.workload().name(), Integer.toString(line.batch()),
                Integer.toString(line.workers()), Double.toString(seconds));
    }

    /// A row for each workload and batch, with the median over runs, and their range where there are several.
    public static String table(List<Measurement> measurements) {
        Map<List<Object>, List<Measurement>> rows = new LinkedHashMap<>();
        for (Measurement m : measurements) {
            rows.computeIfAbsent(List.of(m.workload(), m.batch(), m.workers(), m.hash()), of -> new ArrayList<>())
                    .add(m);
        }
        return Result.text(rows.values().stream().map(Bench::row).toList()) + "\n"
                + Machine.describe(measurements.getFirst().kernels());
    }

    private static Result row(List<Measurement> row) {
        Measurement first = row.getFirst();
        Result result = new Result().put("workload", first.workload()).put("batch", first.batch()).put("workers",
                first.workers());
        for (Metric metric : SHOWN) {
            double[] values = row.stream().filter(m -> m.metric() == metric).mapToDouble(Measurement::value).toArray();
            if (values.length > 0) {
                result.put(metric.key() + "_all", values);
            }
        }
        return result.put("weights", first.hash());
    }
}
