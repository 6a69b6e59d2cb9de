package io.tidegrad.loadtests.bench;

import io.tidegrad.loadtests.bench.Measurement.Metric;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/// A workload beside a rival, and the ratio that Tidegrad is to reach.
///
/// @param metric what is divided, Tidegrad's by the rival's
/// @param goal empty where the ratio is only told
public record Match(Bench.Line line, Rival rival, Metric metric, OptionalDouble goal) {
    public static final List<Match> ALL = Stream
            .of(learning("W1", 1, 25), learning("W1", 32, 4.5), learning("W1", 256, 3), learning("W2", 1, 3.3),
                    learning("W2", 32, 1.45), learning("W2", 128, 1.15), learning("W3", 1, 20), learning("W3", 32, 5),
                    learning("W3", 256, 1.8), learning("W4", 1, 150), learning("W4", 256, 15), learning("W5", 1, 10),
                    learning("W5", 256, 3.5), learning("W6", 1, 5), learning("W6", 32, 4), learning("W7-gru", 1, 4),
                    learning("W7-gru", 32, 3.5), learning("W7-lstm", 1, 4), learning("W7-lstm", 32, 1.5),
                    learning("W8", 1, 4), learning("W8", 32, 1.5), predicting("S1-W1", 0.3), predicting("S1-W2", 0.95),
                    predicting("S1-W3", 0.3), predicting("S1-W5", Double.NaN), product("gemm", 8, 1.5),
                    product("gemm", 32, 1.2), product("gemm", 128, 1.0), product("dw", 8, 0.95),
                    product("dw", 32, 0.95), product("dw", 128, 0.95), product("dx", 8, 1.5), product("dx", 32, 0.9),
                    product("dx", 128, 0.7), bounded(),
                    Stream.of(match("adam", 1, 1, Rival.C, Metric.EXAMPLES_PER_CPU_S, 0.9),
                            match("decode-40", 1, 1, Rival.AVRO, Metric.EXAMPLES_PER_CPU_S, 5),
                            match("decode-10", 1, 1, Rival.AVRO, Metric.EXAMPLES_PER_CPU_S, 5),
                            match("conv-1", 1, 1, Rival.FMA_PEAK, Metric.FMA_PEAK_SHARE, 0.72),
                            match("conv", 1, 1, Rival.FMA_PEAK, Metric.FMA_PEAK_SHARE, 0.79),
                            match("linear", 1, 1, Rival.VOWPAL_WABBIT, Metric.EXAMPLES_PER_CPU_S, 1),
                            match("linear", 1, 1, Rival.VOWPAL_WABBIT, Metric.LOG_LOSS, Double.NaN),
                            match("linear", 32, 1, Rival.VOWPAL_WABBIT, Metric.EXAMPLES_PER_CPU_S, 1),
                            match("linear", 32, 1, Rival.VOWPAL_WABBIT, Metric.LOG_LOSS, Double.NaN),
                            match("linear-pairs", 1, 1, Rival.VOWPAL_WABBIT, Metric.EXAMPLES_PER_CPU_S, Double.NaN),
                            match("linear-pairs", 1, 1, Rival.VOWPAL_WABBIT, Metric.LOG_LOSS, Double.NaN),
                            match("recipe", 1, 1, Rival.VOWPAL_WABBIT, Metric.EXAMPLES_PER_CPU_S, Double.NaN),
                            match("W2", 32, 1, Rival.SCALAR, Metric.EXAMPLES_PER_CPU_S, 8),
                            match("W2", 128, 2, Rival.ONE_WORKER, Metric.EXAMPLES_PER_WALL_S, 1.6)))
            .flatMap(matches -> matches).toList();

    /// Less is better.
    boolean isLatency() {
        return metric == Metric.P50_NS;
    }

    boolean isReachedBy(double ratio) {
        return isLatency() ? ratio <= goal.getAsDouble() : ratio >= goal.getAsDouble();
    }

    private static Stream<Match> learning(String workload, int batch, double goal) {
        return Stream.of(match(workload, batch, 1, Rival.LIBTORCH, Metric.EXAMPLES_PER_CPU_S, goal));
    }

    /// What this machine can do of the same arithmetic.
    private static Stream<Match> bounded() {
        List<String> aimed = List.of("W1", "W3", "W4");
        return CProgram.WORKLOADS.stream().map(workload -> match(workload, 1, 1, Rival.C_PROGRAM,
                Metric.EXAMPLES_PER_CPU_S, aimed.contains(workload) ? 0.85 : Double.NaN));
    }

    private static Stream<Match> predicting(String workload, double goal) {
        return Stream.of(match(workload, 1, 1, Rival.ONNX_RUNTIME, Metric.P50_NS, goal),
                match(workload, 1, 1, Rival.READING_PASS, Metric.P50_NS, workload.equals("S1-W5") ? Double.NaN : 1.35),
                match(workload, 64, 1, Rival.ONNX_RUNTIME, Metric.EXAMPLES_PER_CPU_S, Double.NaN));
    }

    private static Stream<Match> product(String kernel, int rows, double goal) {
        boolean beyondMemory = kernel.equals("gemm") && rows >= 32;
        return Stream.of(match(kernel, rows, 1, Rival.OPENBLAS, Metric.EXAMPLES_PER_CPU_S, goal),
                match(kernel, rows, 1, Rival.FMA_PEAK, Metric.FMA_PEAK_SHARE, beyondMemory ? 0.75 : Double.NaN));
    }

    private static Match match(String workload, int batch, int workers, Rival rival, Metric metric, double goal) {
        return new Match(new Bench.Line(Workload.named(workload), batch, workers), rival, metric,
                Double.isNaN(goal) ? OptionalDouble.empty() : OptionalDouble.of(goal));
    }
}
