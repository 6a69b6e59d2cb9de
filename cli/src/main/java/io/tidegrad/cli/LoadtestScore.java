package io.tidegrad.cli;

import io.tidegrad.exchange.OnnxExport;
import io.tidegrad.loadtests.Names;
import io.tidegrad.loadtests.score.ScoreLoad;
import io.tidegrad.loadtests.score.ScoredModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "score", description = {
    "Measure the milliseconds from a request to its answer, answers a second, and what swaps of versions add.", "",
    "in-process: scores a row of floats and a record, compared with a pass over the weights, and with 50 swaps a second."
            + " http: an open loop without and with 10 swaps a second, in which each request counts from when it was"
            + " due; and the largest rate, compared with that of a server that does nothing. swaps: the largest rate"
            + " under 50 swaps a second. overload: five times as many requests as can be answered. onnx-runtime: the"
            + " same server with ONNX Runtime behind it (./tidegrad build --rivals). log: without and with a log of what is"
            + " served, in turns.",
    "", "Every answer is compared, bit for bit, with a recomputation by the version that it names. The first one that"
            + " differs, or is no answer, ends the test. docs/benchmarks.md defines what is measured."})
final class LoadtestScore extends Loadtest.WithJson {
    /// Warm-up over HTTP before the first window.
    private static final Duration OPENING = Duration.ofSeconds(10);

    @Option(names = "--part", paramLabel = "NAME", split = ",", defaultValue = "in-process,http,swaps",
            description = "Parts to run, separated by commas: in-process, http, swaps, overload, onnx-runtime, log (default: ${DEFAULT-VALUE}).")
    private List<String> parts = List.of();

    @Option(names = "--model", paramLabel = "NAME", split = ",", defaultValue = "flights",
            description = "Models, separated by commas: flights, w1 (784-10-10), w2 (784-512-256-10) (default: ${DEFAULT-VALUE}).")
    private List<String> models = List.of();

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "20",
            description = "Length of each measurement (default: ${DEFAULT-VALUE}).")
    private int seconds;

    @Option(names = "--rate", paramLabel = "N", defaultValue = "5000",
            description = "Requests a second in the open loop over HTTP (default: ${DEFAULT-VALUE}).")
    private double rate;

    @Option(names = "--connections", paramLabel = "N", defaultValue = "16",
            description = "Number of connections (default: ${DEFAULT-VALUE}).")
    private int connections;

    @Override
    Measuring measuring() {
        ScoreLoad.Options options = new ScoreLoad.Options(Names.named("--part", ScoreLoad.Part.class, parts),
                Names.named("--model", ScoredModel.class, models), seconds, rate, connections, OPENING,
                Path.of(System.getProperty("tidegrad.root", ".")), json());
        return of(new ScoreLoad(options, (name, parameters) -> OnnxExport.of(name, parameters, Map.of()), System.out,
                System.err)::run);
    }
}
