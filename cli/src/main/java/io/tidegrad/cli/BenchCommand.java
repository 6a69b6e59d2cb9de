package io.tidegrad.cli;

import io.tidegrad.loadtests.bench.Bench;
import io.tidegrad.loadtests.bench.Match;
import io.tidegrad.loadtests.bench.Measurement;
import io.tidegrad.loadtests.bench.RivalBench;
import io.tidegrad.loadtests.bench.Workload;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "bench", description = {
    "Measure how fast the engine learns and predicts on this machine, and events are read.", "",
    "Uses generated rows and measures from host memory to updated weights. If there are several measurements, each"
            + " runs in a JVM of its own. docs/benchmarks.md explains each number."})
final class BenchCommand extends OptionsCommand {
    @Option(names = "--workload", paramLabel = "NAME",
            description = {"W1 to W8: learn; S1-W1 to S1-W5: predict; gemm, dw, dx, adam, conv: one kernel;",
                "decode-40, decode-10: read fields of events; backtest: learn a file;",
                "linear, linear-pairs: a linear model from the bytes of events",
                "(default: all of them; docs/benchmarks.md describes each)"})
    private @Nullable String workload;

    @Option(names = "--batch", paramLabel = "N",
            description = "Rows of a mini-batch (default: each size in docs/benchmarks.md).")
    private @Nullable Integer batch;

    @Option(names = "--workers", paramLabel = "N", defaultValue = "1",
            description = "Number of threads that learn (default: ${DEFAULT-VALUE}). The weights don't depend on it.")
    private int workers;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "5",
            description = "Length of the measured window, without warm-up (default: ${DEFAULT-VALUE}).")
    private double seconds;

    @Option(names = "--runs", paramLabel = "N", defaultValue = "1",
            description = "Number of measurements, of which median and range are shown (default: ${DEFAULT-VALUE}).")
    private int runs;

    @Option(names = "--rivals", description = {
        "Also measure other libraries, in turns with Tidegrad and with one thread each, and print the ratios: LibTorch"
                + " from the JVM, ONNX Runtime, OpenBLAS, Vowpal Wabbit (./tidegrad build --rivals downloads them; without"
                + " it they are left out), programs in C (by gcc), and Avro."})
    private boolean rivals;

    @Option(names = "--json", description = "Print one line of JSON for each number.")
    private boolean json;

    @Override
    public Integer call() {
        PrintWriter out = out();
        PrintWriter err = spec().commandLine().getErr();
        try {
            return rivals ? compare(out, err) : measure(out, err);
        } catch (IllegalArgumentException e) {
            throw wrongUsage(e);
        }
    }

    private int measure(PrintWriter out, PrintWriter err) {
        List<Measurement> all = new ArrayList<>();
        new Bench(lines(), runs, seconds).run(what -> {
            if (!json) {
                err.println("tidegrad: measuring " + what);
            }
        }, measurement -> {
            all.add(measurement);
            if (json) {
                out.println(measurement.toJson());
            }
        });
        if (!json) {
            out.println(Bench.table(all));
        }
        out.flush();
        return 0;
    }

    private int compare(PrintWriter out, PrintWriter err) {
        Workload only = workload == null ? null : Workload.named(workload);
        List<Match> matches = Match.ALL.stream().filter(match -> only == null || match.line().workload().equals(only))
                .filter(match -> batch == null || match.line().batch() == batch).toList();
        Path root = Path.of(System.getProperty("tidegrad.root", ""));
        List<RivalBench.Outcome> outcomes =
                new RivalBench(matches, runs, seconds, root).run(what -> err.println("tidegrad: measuring " + what));
        if (json) {
            outcomes.forEach(outcome -> out.println(outcome.result().json()));
        } else {
            out.println(RivalBench.table(outcomes));
        }
        out.flush();
        return 0;
    }

    private List<Bench.Line> lines() {
        List<Workload> workloads = workload == null ? Workload.ALL : List.of(Workload.named(workload));
        List<Bench.Line> lines = new ArrayList<>();
        for (Workload each : workloads) {
            for (int size : batch == null ? each.batches() : List.of(batch)) {
                lines.add(new Bench.Line(each, size, workers));
            }
        }
        return lines;
    }
}
