package io.tidegrad.loadtests.bench;

import java.util.List;

/// The main class of a JVM that makes one measurement: `BenchProcess <workload> <batch> <workers> <seconds>`.
public final class BenchProcess {
    /// Exit status where the arguments ask for what can't be had; the message is on standard error.
    private static final int REFUSED = 2;

    private BenchProcess() {}

    public static void main(String[] args) {
        Bench.Line line = new Bench.Line(Workload.named(args[0]), Integer.parseInt(args[1]), Integer.parseInt(args[2]));
        try {
            line.measure(Double.parseDouble(args[3])).forEach(measurement -> System.out.println(measurement.toJson()));
        } catch (IllegalArgumentException e) {
            System.err.println("tidegrad: " + e.getMessage());
            // An exit is logged, and that would set up all of logging.
            Runtime.getRuntime().halt(REFUSED);
        }
    }

    static List<String> command(Bench.Line line, double seconds) {
        return List.of(BenchProcess.class.getName(), line.workload().name(), Integer.toString(line.batch()),
                Integer.toString(line.workers()), Double.toString(seconds));
    }
}
