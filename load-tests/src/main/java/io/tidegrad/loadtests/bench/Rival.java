package io.tidegrad.loadtests.bench;

import io.tidegrad.loadtests.LoadTestException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// What a workload is compared with.
public enum Rival {
    LIBTORCH("LibTorch", "libtorch"), ONNX_RUNTIME("ONNX Runtime", "onnxruntime"), OPENBLAS("OpenBLAS", "openblas"),
    VOWPAL_WABBIT("Vowpal Wabbit", "vw"), C("C, gcc", "c"),
    /// `learn.c`, a process without a JVM.
    C_PROGRAM("a program in C", ""),
    /// Tidegrad with scalar kernels.
    SCALAR("scalar kernels", ""),
    /// `GenericDatumReader`, and a look-up of each field in its record.
    AVRO("Avro's GenericDatumReader", ""),
    /// Tidegrad with one worker, where the other side has two.
    ONE_WORKER("one worker", ""),
    /// No program: the share of the FMA units' peak that was reached, measured in the same JVM.
    FMA_PEAK("FMA peak", ""),
    /// No program: one pass over the same weights, in the same JVM.
    READING_PASS("reading the weights", "");

    private final String title;
    private final String argument; // of the rivals' main class; empty where it is not one of theirs

    Rival(String title, String argument) {
        this.title = title;
        this.argument = argument;
    }

    String title() {
        return title;
    }

    boolean isProgram() {
        return this != FMA_PEAK && this != READING_PASS;
    }

    /// Whether it is in the build that the profile `rivals` makes.
    boolean isForeign() {
        return !argument.isEmpty();
    }

    /// In a process of its own, one thread.
    ///
    /// @param root the folder of the repository
    /// @param build the folder of that build
    void run(Bench.Line line, double seconds, Path root, Path build, Consumer<Measurement> done) {
        if (this == C_PROGRAM) {
            try (CProgram program = new CProgram((Workload.Learning) line.workload(), root)) {
                done.accept(program.measure(seconds));
            }
            return;
        }
        String what = line.name() + ", " + title;
        Bench.Line alone = new Bench.Line(line.workload(), line.batch(), 1);
        if (!isForeign()) {
            List<String> flags = switch (this) {
                case SCALAR -> List.of("-Dtidegrad.kernels=scalar");
                case AVRO -> List.of("-D" + DecodeBench.BY_AVRO + "=true");
                default -> List.of();
            };
            new MeasuringJvm(flags, List.of(), Map.of()).run(what, Bench.command(alone, seconds), done);
            return;
        }
        List<String> flags = List.of("--sun-misc-unsafe-memory-access=allow",
                "-Dorg.bytedeco.javacpp.cachedir=" + build.resolve("javacpp"));
        Map<String, String> oneThread = Map.of("OMP_NUM_THREADS", "1", "OPENBLAS_NUM_THREADS", "1");
        new MeasuringJvm(flags, List.of(build.resolve("classes"), build.resolve("lib").resolve("*")), oneThread)
                .run(what, List.of("io.tidegrad.loadtests.rivals.RivalProcess", argument, line.workload().name(),
                        Integer.toString(line.batch()), Double.toString(seconds)), done);
    }

    private static Path target(Path root) {
        return root.resolve("load-tests/rivals/target");
    }

    static boolean isBuilt(Path root) {
        return Files.isDirectory(target(root).resolve("lib"));
    }

    /// @throws LoadTestException the build is not there; says how to get it
    public static Path build(Path root) {
        Path build = target(root);
        if (!isBuilt(root)) {
            throw new LoadTestException("expected the rivals in " + build.resolve("lib")
                    + ", found nothing: ./tidegrad build --rivals fetches and builds them"
                    + " (250 MB: LibTorch, OpenBLAS, ONNX Runtime and Vowpal Wabbit, for Linux on x86-64)");
        }
        return build;
    }
}
