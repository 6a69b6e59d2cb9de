package io.tidegrad.cli.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.localstack.ParentWatch;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Measures workloads: one alone in this JVM, several each in a JVM of its own, because what the compiler has seen of one
/// changes the warm-up, and sometimes the speed, of the next.
///
/// @param lines what to measure, in this order
/// @param workers threads that learn, the calling one included
/// @param runs how often; the lines take turns, so that a change of the machine's speed meets all of them
/// @param seconds the measured window of each
public record Bench(List<Line> lines, int workers, int runs, double seconds) {
    public static final int BATCH_MAX = 1 << 20;
    public static final double SECONDS_MAX = 3_600;
    public static final int RUNS_MAX = 1_000;

    /// A workload at one batch size.
    public record Line(Workload workload, int batch) {
        String name() {
            return workload.name() + ", batch " + batch;
        }
    }

    public Bench {
        if (!(seconds > 0 && seconds <= SECONDS_MAX)) {
            throw new IllegalArgumentException(
                    "--seconds: expected more than 0 and at most 3600, found " + seconds);
        }
        if (workers < 1 || workers > Workers.COUNT_MAX) {
            throw new IllegalArgumentException(
                    "--workers: expected 1 to " + Workers.COUNT_MAX + ", found " + workers);
        }
        if (runs < 1 || runs > RUNS_MAX) {
            throw new IllegalArgumentException(
                    "--runs: expected 1 to " + RUNS_MAX + ", found " + runs);
        }
        for (Line line : lines) {
            if (line.batch < 1 || line.batch > BATCH_MAX) {
                throw new IllegalArgumentException(
                        "--batch: expected 1 to " + BATCH_MAX + ", found " + line.batch);
            }
        }
    }

    /// @param progress told which measurement begins
    /// @param done told each measurement as soon as it is there
    /// @throws IllegalArgumentException a batch doesn't fit into the heap
    /// @throws BenchException a JVM of a measurement failed
    public void run(Consumer<String> progress, Consumer<Measurement> done) {
        boolean alone = lines.size() * runs == 1;
        for (int run = 1; run <= runs; run++) {
            for (Line line : lines) {
                progress.accept(line.name() + (runs > 1 ? ", run " + run + " of " + runs : ""));
                if (alone) {
                    measure(line).forEach(done);
                } else {
                    measureInJvmOfItsOwn(line, done);
                }
            }
        }
    }

    private List<Measurement> measure(Line line) {
        try (Workers crew = new Workers(workers)) {
            return new LearnBench(line.workload, line.batch, crew).run(seconds);
        } catch (OutOfMemoryError tooLarge) {
            throw new IllegalArgumentException(
                    "--batch: expected one that fits into the heap of "
                            + Runtime.getRuntime().maxMemory() / (1 << 20)
                            + " MiB, found "
                            + line.batch
                            + " (TIDEGRAD_JVM_OPTIONS=-Xmx8g makes it larger)",
                    tooLarge);
        }
    }

    private void measureInJvmOfItsOwn(Line line, Consumer<Measurement> done) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(ParentWatch.class.getName(), "io.tidegrad.cli.Tidegrad", "bench"));
        command.addAll(List.of("--workload", line.workload.name()));
        command.addAll(List.of("--batch", Integer.toString(line.batch)));
        command.addAll(List.of("--workers", Integer.toString(workers)));
        command.addAll(List.of("--seconds", Double.toString(seconds), "--json"));
        try {
            Process process =
                    new ProcessBuilder(command)
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start();
            try (BufferedReader output = process.inputReader()) {
                for (String json = output.readLine(); json != null; json = output.readLine()) {
                    done.accept(Measurement.fromJson(json));
                }
            }
            int status = process.waitFor();
            if (status != 0) {
                throw new BenchException(
                        "the JVM that measured " + line.name() + " ended with status " + status);
            }
        } catch (JsonProcessingException e) {
            throw new BenchException(
                    "the JVM that measured " + line.name() + " printed no JSON: " + e.getMessage());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new BenchException("interrupted while measuring " + line.name());
        }
    }
}
