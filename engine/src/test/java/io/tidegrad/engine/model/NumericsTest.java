package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.tidegrad.engine.testing.FixedRun;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The same log gives the same bits: scalar or at any vector width, by one worker or two, cold or hot, in one go or with a
/// save and a restore in the middle. Each width has a JVM of its own, as in production.
class NumericsTest {
    /// Of `FixedRun`, for `Numerics.VERSION` 1.
    private static final String HASH =
            "c89781d75a7aa78754e47db8998c4d7331dcadc758a3912e825d181ec59c420b";

    private static final String OPTIMIZERS_HASH =
            "fb1dde77a22318581083dc3cfb970cef01271b60ae73399cecdb0f537c1a2c69";

    @ParameterizedTest
    @CsvSource({
        "scalar, cold, 1",
        "scalar, hot, 2",
        "128, cold, 2",
        "128, hot, 1",
        "256, cold, 1",
        "256, hot, 2",
        "512, cold, 2",
        "512, hot, 1"
    })
    void theFixedRunGivesTheCommittedBits(String kernels, String start, String workers)
            throws Exception {
        String[] printed = runInJvmOfItsOwn(kernels, start, workers).split(" ");

        assertThat(printed[0]).isEqualTo(kernels.equals("scalar") ? "scalar" : "simd-" + kernels);
        assertThat(printed[1])
                .as("bits changed: raise Numerics.VERSION and commit the new hash")
                .isEqualTo(HASH);
        assertThat(printed[2])
                .as("bits of an optimizer changed: as above")
                .isEqualTo(OPTIMIZERS_HASH);
    }

    private static String runInJvmOfItsOwn(String kernels, String start, String workers)
            throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(
                                List.of(
                                        Path.of(System.getProperty("java.home"), "bin", "java")
                                                .toString(),
                                        "--add-modules",
                                        "jdk.incubator.vector",
                                        "-Dtidegrad.kernels=" + kernels,
                                        "-cp",
                                        System.getProperty("java.class.path"),
                                        FixedRun.class.getName(),
                                        start,
                                        workers))
                        .redirectErrorStream(true)
                        .start();
        String output;
        try (BufferedReader reader = process.inputReader()) {
            output = reader.lines().collect(Collectors.joining("\n"));
        }
        int status = process.waitFor();
        assumeFalse(
                output.contains("this processor's vectors have"),
                () -> "width " + kernels + " is beyond this processor");
        assertThat(status).as(output).isZero();
        return Objects.requireNonNull(output.lines().reduce((first, last) -> last).orElse(null));
    }
}
