package io.tidegrad.loadtests.score;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Names;
import io.tidegrad.loadtests.Result;
import io.tidegrad.loadtests.bench.MeasuringJvm;
import java.io.PrintStream;
import java.util.List;
import java.util.function.BiFunction;

/// What an answer costs, in process and over HTTP, and that each is the answer of the version that it names.
public final class ScoreLoad {
    /// One thread's code is compiled in less time than that of a server and its client.
    private static final double IN_PROCESS_SHARE = 5;

    private final ScoreOptions options;
    private final BiFunction<String, Parameters, byte[]> onnx;
    private final PrintStream out;
    private final PrintStream progress;

    /// @param onnx a named model as an ONNX file
    public ScoreLoad(ScoreOptions options, BiFunction<String, Parameters, byte[]> onnx, PrintStream out,
            PrintStream progress) {
        this.options = options;
        this.onnx = onnx;
        this.out = out;
        this.progress = progress;
    }

    /// @throws LoadTestException an answer is wrong or missing, or a process did not do what is measured
    public void run() throws InterruptedException {
        if (options.hasPartOf(ScoreOptions.Part.IN_PROCESS)) {
            options.models().forEach(this::inProcess);
        }
        if (options.hasPartOf(ScoreOptions.Part.HTTP, ScoreOptions.Part.SWAPS, ScoreOptions.Part.OVERLOAD,
                ScoreOptions.Part.ONNX_RUNTIME, ScoreOptions.Part.LOG)) {
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
