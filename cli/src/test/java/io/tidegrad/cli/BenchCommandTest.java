package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.loadtests.bench.Workload;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.proof.LongProof;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// The command in JVMs of its own, for a moment only: what is printed and the bits that were learned, never the speed.
class BenchCommandTest {
    /// Of 256 steps, which two workers share at batch 128, for `Numerics.VERSION` 2.
    private static final String W1_BATCH_128 = "63950df33e26ae56d8e08aa410a238503171a9a74fa5e99e49bef83e4b443cf7";

    private static final String W1_BATCH_1 = "114f1db18ad07063ce3ad7146887b4f9631105dedb290bd767a647d1541520d5";

    @Test
    void linesOfJsonCarryTheCommittedBits() throws Exception {
        assertLinesOfJsonWithTheCommittedBits("256", 2);
    }

    @LongProof("a JVM for each vector width")
    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @CsvSource({"scalar, 1", "128, 2", "256, 1", "512, 2"})
    void linesOfJsonCarryTheCommittedBitsAtEveryWidth(String kernels, int workers) throws Exception {
        assertLinesOfJsonWithTheCommittedBits(kernels, workers);
    }

    private static void assertLinesOfJsonWithTheCommittedBits(String kernels, int workers) throws Exception {
        List<JsonNode> lines = bench(kernels, "--workload", "W1", "--batch", "128", "--workers", "" + workers);

        assertThat(lines).extracting(line -> line.get("metric").asText()).startsWith("examples_per_cpu_s",
                "examples_per_wall_s", "warmup_cpu_s", "bytes_allocated_per_step");
        for (JsonNode line : lines) {
            assertThat(line.fieldNames()).toIterable().containsExactly("workload", "batch", "workers", "metric",
                    "value", "kernels", "hash");
            assertThat(line.get("workload").asText()).isEqualTo("W1");
            assertThat(line.get("batch").asInt()).isEqualTo(128);
            assertThat(line.get("workers").asInt()).isEqualTo(workers);
            assertThat(line.get("kernels").asText()).isEqualTo(kernels.equals("scalar") ? kernels : "simd-" + kernels);
            assertThat(line.get("hash").asText()).as("bits changed: raise Numerics.VERSION and commit the new hash")
                    .isEqualTo(W1_BATCH_128);
        }
        assertThat(lines.get(0).get("value").asDouble()).isPositive();
        assertThat(lines.get(1).get("value").asDouble()).isPositive();
        assertThat(lines.get(2).get("value").asDouble()).isPositive();
        assertThat(lines.get(3).get("value").asDouble()).isZero();
    }

    /// Learning at each mini-batch, for each takes another path through the kernels; of the others the smallest.
    static Stream<Arguments> lines() {
        return Workload.ALL.stream()
                .flatMap(workload -> workload.batches().stream().limit(workload instanceof Workload.Learning ? 3 : 1)
                        .map(batch -> Arguments.of(workload.name(), batch)));
    }

    @LongProof("a JVM for each workload and batch")
    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @MethodSource("lines")
    void everyWorkloadIsMeasuredAndAllocatesNothing(String workload, int batch) throws Exception {
        List<JsonNode> lines = bench("", "--workload", workload, "--batch", "" + batch);

        Map<String, Double> values = new HashMap<>();
        for (JsonNode line : lines) {
            assertThat(line.get("workload").asText()).isEqualTo(workload);
            assertThat(line.get("batch").asInt()).isEqualTo(batch);
            assertThat(line.get("workers").asInt()).isEqualTo(1);
            values.put(line.get("metric").asText(), line.get("value").asDouble());
        }
        if (workload.equals("watch")) {
            // The cost is a difference of two speeds, which may be below 0 in a run as short as this one.
            assertThat(values).containsOnlyKeys("examples_per_cpu_s", "watch_cost");
            return;
        }
        if (workload.equals("recipe")) {
            assertThat(values).containsOnlyKeys("examples_per_cpu_s", "examples_per_wall_s", "lean_cost", "auto_cost",
                    "rich_cost", "lean_wall_cost", "auto_wall_cost", "rich_wall_cost", "bytes_allocated_per_step")
                    .containsEntry("bytes_allocated_per_step", 0.0);
            return;
        }
        if (workload.equals("backtest")) {
            // It reads a file, evaluates, and ends: it is no loop of steps.
            assertThat(values).containsOnlyKeys("examples_per_wall_s", "engine_share");
            return;
        }
        assertThat(values).containsEntry("bytes_allocated_per_step", 0.0);
        assertThat(values).containsKey("examples_per_cpu_s");
        if (workload.matches("gemm|dw|dx|conv.*")) {
            assertThat(values).containsKeys("fma_peak_share", "fma_peak_gflops");
        }
        values.remove("bytes_allocated_per_step");
        assertThat(values).allSatisfy((metric, value) -> assertThat(value).isPositive());
        if (workload.startsWith("S1-")) {
            assertThat(values.get("p50_ns")).isLessThanOrEqualTo(values.get("p99_ns"))
                    .isLessThanOrEqualTo(values.get("p999_ns"));
        }
    }

    @Test
    void rivalsThatAreNotBuiltSayHowToGetThem() throws Exception {
        Path empty = Path.of(System.getProperty("java.io.tmpdir"), "no-tidegrad-here");
        StringWriter err = new StringWriter();
        String before = System.setProperty("tidegrad.root", empty.toString());
        try {
            int status = Tidegrad.commandLine().setErr(new PrintWriter(err, true)).execute("bench", "--rivals",
                    "--workload", "W6");
            assertThat(status).isEqualTo(Tidegrad.FAILED);
        } finally {
            System.setProperty("tidegrad.root", before);
        }
        assertThat(err.toString().lines()).hasSize(1);
        assertThat(err.toString()).contains(empty.toString(), "./tidegrad build --rivals", "250 MB");
    }

    @LongProof("two JVMs that warm up")
    @Test
    void severalMeasurementsRunEachInAJvmOfItsOwnAndTakeTurns() throws Exception {
        List<JsonNode> lines = bench("scalar", "--workload", "w1", "--batch", "1", "--runs", "2");

        assertThat(lines).extracting(line -> line.get("hash").asText()).containsOnly(W1_BATCH_1);
        List<JsonNode> warmUps =
                lines.stream().filter(line -> line.get("metric").asText().equals("warmup_cpu_s")).toList();
        assertThat(warmUps).hasSize(2);
        // In one JVM the second run would find everything compiled.
        assertThat(warmUps.get(1).get("value").asDouble()).isGreaterThan(0.05);
    }

    private static List<JsonNode> bench(String kernels, String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ChildJvm.LAUNCHER_FLAGS);
        if (!kernels.isEmpty()) {
            command.add("-Dtidegrad.kernels=" + kernels);
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(Tidegrad.class.getName(), "bench", "--seconds", "0.2", "--json"));
        command.addAll(List.of(options));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        List<String> output;
        try (BufferedReader reader = process.inputReader()) {
            output = reader.readAllLines();
        }
        assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        assumeFalse(output.toString().contains("this processor's vectors have"),
                () -> "width " + kernels + " is beyond this processor");
        assertThat(process.exitValue()).as("%s", output).isZero();
        List<JsonNode> lines = new ArrayList<>();
        for (String line : output) {
            if (line.startsWith("{")) {
                lines.add(new ObjectMapper().readTree(line));
            }
        }
        return lines;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "--workload W11           | --workload: expected one that there is, found 'W11'; did you mean 'W1'?",
        "--workload logistic      | --workload: expected one that there is, found 'logistic' (known: W1, W2, W3,",
        "--batch 0                | --batch: expected 1 to 1048576, found 0",
        "--batch 2000000          | --batch: expected 1 to 1048576, found 2000000",
        "--batch many             | 'many' is not an int",
        "--workers 0              | --workers: expected 1 to 64, found 0",
        "--workers 65             | --workers: expected 1 to 64, found 65",
        "--seconds 0              | --seconds: expected more than 0 and at most 3600, found 0.0",
        "--seconds NaN            | --seconds: expected more than 0 and at most 3600, found NaN",
        "--seconds 4000           | --seconds: expected more than 0 and at most 3600, found 4000.0",
        "--rivals --batch 7       | --rivals: expected a workload and batch that have a rival, found none of [W1, batch 1, W1, batch 32,",
        "--runs 0                 | --runs: expected 1 to 1000, found 0"})
    void aMistakeIsOneLineThatSaysWhatWasExpectedAndFound(String options, String message) {
        StringWriter err = new StringWriter();
        int status = Tidegrad.commandLine().setErr(new PrintWriter(err, true))
                .execute(("bench " + options.strip()).split(" "));

        assertThat(status).isEqualTo(Tidegrad.USAGE);
        assertThat(err.toString().lines()).hasSize(1);
        assertThat(err.toString()).startsWith("tidegrad: ").contains(message);
    }

    @Test
    void aBatchBeyondTheHeapSaysHowMuchThereIs() throws Exception {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m", "-cp", System.getProperty("java.class.path"), Tidegrad.class.getName(), "bench",
                "--workload", "W2", "--batch", "100000", "--json").redirectErrorStream(true).start();
        String output;
        try (BufferedReader reader = process.inputReader()) {
            output = reader.readAllAsString();
        }
        assertThat(process.waitFor()).as(output).isEqualTo(Tidegrad.USAGE);
        assertThat(output).contains("expected one that fits into the heap of 6").contains("found 100000");
    }
}
