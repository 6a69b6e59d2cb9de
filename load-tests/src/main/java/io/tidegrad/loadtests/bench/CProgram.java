package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The rival `learn.c`: compiled by this machine's gcc for this processor and one workload, it learns the workload's rows
/// from its first weights in a process of its own, without a JVM.
public final class CProgram implements AutoCloseable {
    private static final List<String> GCC = List.of("gcc", "-O3", "-march=native", "-mprefer-vector-width=512",
            "-fno-math-errno", "-fno-trapping-math");

    /// What it learns, at batch 1.
    static final List<String> WORKLOADS =
            Stream.concat(Stream.of("W1", "W3", "W4", "W5"), Workload.FIELDS.stream().map(Workload::name)).toList();

    private final Workload.Learning workload;
    private final Path folder;

    /// @param root the folder of the repository
    /// @throws LoadTestException there is no gcc, or it failed
    public CProgram(Workload.Learning workload, Path root) {
        this.workload = workload;
        Plan plan = Plan.of(workload.spec());
        try {
            folder = Files.createTempDirectory("tidegrad-c");
            List<String> files = List.of("-o", program().toString(), source(root).toString(), "-lm");
            Processes.output(Processes.with(Processes.with(GCC, constants(plan)), files));
            write(plan);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// @throws LoadTestException the sources are not there
    private static Path source(Path root) {
        Path source = root.resolve("load-tests/rivals/src/main/c/learn.c");
        if (!Files.exists(source)) {
            throw new LoadTestException("expected the rival in C in " + source
                    + ", found nothing: the bench compares itself in a checkout of the sources");
        }
        return source;
    }

    /// The mean loss of the first rows, each before its update.
    public double loss(int rows) {
        return Double.parseDouble(Processes.output(command("losses", "" + rows)).strip());
    }

    /// Measures examples learned per second of CPU time.
    Measurement measure(double seconds) {
        double speed = Double.parseDouble(Processes.output(command("seconds", "" + seconds)).strip());
        return new Measurement(workload.name(), 1, 1, Metric.EXAMPLES_PER_CPU_S, speed, "c", "");
    }

    private List<String> command(String what, String howMuch) {
        return List.of(program().toString(), file().toString(), what, howMuch);
    }

    private Path program() {
        return folder.resolve("learn");
    }

    private Path file() {
        return folder.resolve("rows");
    }

    /// `-D…`, so that every loop has a constant length. Where each id has a table of its own, the
    /// program has one, which holds them one after the other.
    private static List<String> constants(Plan plan) {
        List<String> constants = new ArrayList<>();
        constants.add("-DNUMBERS=" + plan.spec().row().numbers());
        constants.add("-DIDS=" + plan.spec().row().ids());
        List<Tensor> tables = tables(plan);
        constants.add("-DTABLE_ROWS=" + tables.stream().mapToInt(Tensor::rows).sum());
        constants.add("-DCOLUMNS=" + (tables.isEmpty() ? 0 : tables.getFirst().columns()));
        String widths = plan.tensors().stream().filter(Tensor.Matrix.class::isInstance)
                .map(matrix -> "" + matrix.columns()).collect(Collectors.joining(","));
        constants.add(widths.isEmpty() ? "-DBAG" : "-DWIDTHS=" + widths);
        constants.add(plan.spec().optimizer() instanceof Adam ? "-DADAM" : "-DADAGRAD");
        if (plan.outputs() > 1) {
            constants.add("-DCLASSES");
        }
        return constants;
    }

    private void write(Plan plan) throws IOException {
        Rows rows = new MadeUpRows(plan).all();
        Parameters parameters = Parameters.initial(plan);
        try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file())))) {
            float[] scalars = switch (plan.spec().optimizer()) {
                case Adam adam -> new float[]{(float) adam.rate(), (float) adam.beta1(), (float) adam.beta2(),
                    (float) adam.epsilon()};
                case Adagrad adagrad -> new float[]{(float) adagrad.rate(), 0, 0, (float) adagrad.epsilon()};
                default -> throw new IllegalArgumentException("learn.c has no " + plan.spec().optimizer());
            };
            write(out, new int[]{rows.count()});
            write(out, scalars);
            write(out, rows.numbers());
            write(out, inOneTable(rows.ids(), tables(plan)));
            write(out, rows.labels());
            for (Tensor tensor : plan.tensors()) {
                write(out, parameters.weights(tensor.name()));
            }
        }
    }

    private static List<Tensor> tables(Plan plan) {
        return plan.tensors().stream().filter(Tensor.Table.class::isInstance).toList();
    }

    /// Returns the rows of ids in the one table that holds all tables one after the other.
    private static int[] inOneTable(int[] ids, List<Tensor> tables) {
        if (tables.size() < 2) {
            return ids;
        }
        int[] moved = ids.clone();
        for (int i = 0; i < moved.length; i++) {
            moved[i] += i % tables.size() * tables.getFirst().rows();
        }
        return moved;
    }

    private static void write(DataOutputStream out, float[] values) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.nativeOrder());
        bytes.asFloatBuffer().put(values);
        out.write(bytes.array());
    }

    private static void write(DataOutputStream out, int[] values) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * values.length).order(ByteOrder.nativeOrder());
        bytes.asIntBuffer().put(values);
        out.write(bytes.array());
    }

    @Override
    public void close() {
        Processes.delete(folder);
    }
}
