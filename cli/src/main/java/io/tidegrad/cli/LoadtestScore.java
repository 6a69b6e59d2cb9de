package io.tidegrad.cli;

import io.tidegrad.exchange.OnnxExport;
import io.tidegrad.loadtests.score.ScoreLoad;
import io.tidegrad.loadtests.score.ScoreOptions;
import io.tidegrad.loadtests.score.ScoredModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "score", description = {
    "Milliseconds from a request to its answer, answers a second, and what swaps of versions add.", "",
    "in-process: a row of floats beside a pass over the weights, a record, 50 swaps a second. http: an open loop without"
            + " and with 10 swaps a second, each request counted from when it was due; as many as can be beside a server"
            + " that does nothing. swaps: as many as can be under 50 swaps a second. overload: five times as many as can be"
            + " answered. onnx-runtime: the same server with ONNX Runtime behind it (./tidegrad build --rivals).",
    "", "Every answer is compared, bit for bit, with a recomputation by the version that it names; the first one that"
            + " differs, or is no answer, ends it. What is measured how: docs/benchmarks.md."})
final class LoadtestScore extends Loadtest {
    /// Over HTTP, before the first window.
    private static final Duration OPENING = Duration.ofSeconds(10);

    @Option(names = "--part", paramLabel = "NAME", split = ",", defaultValue = "in-process,http,swaps",
            description = "in-process, http, swaps, overload, onnx-runtime; one or more (default: ${DEFAULT-VALUE}).")
    private List<String> parts = List.of();

    @Option(names = "--model", paramLabel = "NAME", split = ",", defaultValue = "flights",
            description = "flights, w1 (784-10-10), w2 (784-512-256-10); one or more (default: ${DEFAULT-VALUE}).")
    private List<String> models = List.of();

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "20",
            description = "Measured of everything that is compared (default: ${DEFAULT-VALUE}).")
    private int seconds;

    @Option(names = "--rate", paramLabel = "N", defaultValue = "5000",
            description = "Requests a second in an open loop over HTTP (default: ${DEFAULT-VALUE}).")
    private double rate;

    @Option(names = "--connections", paramLabel = "N", defaultValue = "16",
            description = "That the requests come over (default: ${DEFAULT-VALUE}).")
    private int connections;

    @Mixin
    private JsonOption json = new JsonOption();

    @Override
    Measuring measuring() {
        ScoreOptions options = new ScoreOptions(parts.stream().map(ScoreOptions.Part::named).toList(),
                models.stream().map(ScoredModel::named).toList(), seconds, rate, connections, OPENING,
                Path.of(System.getProperty("tidegrad.root", ".")), json.isAsked());
        return of(new ScoreLoad(options, (name, parameters) -> OnnxExport.of(name, parameters, Map.of()), System.out,
                System.err)::run);
    }
}
