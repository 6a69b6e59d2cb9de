package io.tidegrad.loadtests.score;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.loadtests.Limits;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Names;
import io.tidegrad.loadtests.Result;
import io.tidegrad.loadtests.bench.MeasuringJvm;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.BiFunction;

/// What an answer costs, in process and over HTTP, and that each is the answer of the version that it names.
public final class ScoreLoad {
    /// One thread's code is compiled in less time than that of a server and its client.
    private static final double IN_PROCESS_SHARE = 5;

    private final Options options;
    private final BiFunction<String, Parameters, byte[]> onnx;
    private final PrintStream out;
    private final PrintStream progress;

    /// What can be measured.
    public enum Part {
        /// A record and a row of floats in the JVM that asks.
        IN_PROCESS,
        /// Latency without and with swaps, throughput beside a bare server.
        HTTP,
        /// Every answer compared, as many as can be had, under 50 swaps a second.
        SWAPS,
        /// Five times as many requests as can be answered.
        OVERLOAD,
        /// The same server with ONNX Runtime behind it.
        ONNX_RUNTIME,
        /// The same scorer with a log of what it serves.
        LOG
    }

    /// @param models that are measured
    /// @param seconds measured of everything that is compared
    /// @param perSecond requests due over HTTP
    /// @param connections that they come over
    /// @param opening before the first window: the compilers work
    /// @param root folder of the repository, where the rival is built
    /// @param json lines of JSON instead of tables
    public record Options(List<Part> parts, List<ScoredModel> models, int seconds, double perSecond, int connections,
            Duration opening, Path root, boolean json) {
        public Options {
            parts = List.copyOf(parts);
            models = List.copyOf(models);
            if (parts.isEmpty() || models.isEmpty()) {
                throw new IllegalArgumentException("--part and --model expect at least one, found none");
            }
            Limits.require("--seconds", seconds, 1, 3_600);
            Limits.require("--rate", perSecond, 1, 200_000);
            Limits.require("--connections", connections, 1, 512);
        }

        Duration length() {
            return Duration.ofSeconds(seconds);
        }
    }

    /// @param onnx a named model as an ONNX file
    public ScoreLoad(Options options, BiFunction<String, Parameters, byte[]> onnx, PrintStream out,
            PrintStream progress) {
        this.options = options;
        this.onnx = onnx;
        this.out = out;
        this.progress = progress;
    }

    /// @throws LoadTestException an answer is wrong or missing, or a process did not do what is measured
    public void run() throws InterruptedException {
        if (options.parts().contains(Part.IN_PROCESS)) {
            options.models().forEach(this::inProcess);
        }
        if (options.parts().stream().anyMatch(part -> part != Part.IN_PROCESS)) {
            for (ScoredModel model : options.models()) {
                new ServedLoad(model, options, onnx, out, progress).run();
            }
        }
    }

    private void inProcess(ScoredModel model) {
        String what = Names.of(model) + " in process";
        progress.println(what);
        progress.flush();
        MeasuringJvm.LIKE_THIS.lines(what,
                List.of(InProcessScores.class.getName(), Names.of(model), String.valueOf(options.seconds()),
                        String.valueOf(options.opening().toSeconds() / IN_PROCESS_SHARE)),
                line -> out.print(options.json() ? line + "\n" : Result.text(List.of(Result.parse(line)))));
        out.flush();
    }
}
