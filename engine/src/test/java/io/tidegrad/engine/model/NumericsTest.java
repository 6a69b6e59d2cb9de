package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.tngtech.archunit.core.domain.JavaCodeUnitAccess;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.engine.testing.Families;
import io.tidegrad.engine.testing.FixedRun;
import io.tidegrad.proof.LongProof;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The same log gives the same bits: scalar or at any vector width, by one worker or two, cold or hot, in one go or
/// with a save and a restore in the middle. Each width has a JVM of its own, as in production.
class NumericsTest {
    @Test
    void theFixedRunGivesTheCommittedBitsColdAndHot() throws Exception {
        assertCommittedBits("256", "1", "2");
    }

    @LongProof("a JVM for each vector width")
    @ParameterizedTest
    @CsvSource({"scalar, 1, 2", "128, 2, 1", "512, 2, 1"})
    void theFixedRunGivesTheCommittedBitsAtEveryOtherWidth(String kernels, String workersOfCold, String workersOfHot)
            throws Exception {
        assertCommittedBits(kernels, workersOfCold, workersOfHot);
    }

    private static void assertCommittedBits(String kernels, String workersOfCold, String workersOfHot)
            throws Exception {
        List<String> expected = new ArrayList<>();
        expected.add(kernels.equals("scalar") ? "scalar" : "simd-" + kernels);
        expected.addAll(FixedRun.HASHES);
        expected.addAll(FixedRun.HASHES);

        assertThat(runInJvmOfItsOwn(kernels, workersOfCold, workersOfHot))
                .as("a line of another hash: stored models would learn on with other bits; if that is meant,"
                        + " raise Numerics.VERSION and commit the hash. A further line, of something new:"
                        + " commit it, Numerics.VERSION stays")
                .isEqualTo(expected);
    }

    /// What has no run could change its bits unseen.
    @Test
    void theFixedRunsHoldEveryLayerLossOptimizerAndClipping() {
        Set<Class<?>> used = new HashSet<>();
        new ClassFileImporter().importClasses(FixedRun.class).get(FixedRun.class).getAccessesFromSelf().stream()
                .filter(access -> access instanceof JavaCodeUnitAccess)
                .forEach(access -> used.add(access.getTargetOwner().reflect()));
        for (Class<?> family : List.of(Layer.class, Loss.class, Optimizer.class, Schedule.class, Clipping.class)) {
            assertThat(Families.members(family)).as("in a run of FixedRun; what is new gets one of its own")
                    .allMatch(used::contains);
        }
    }

    private static List<String> runInJvmOfItsOwn(String kernels, String workersOfCold, String workersOfHot)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(FixedRun.COMPILER);
        command.addAll(List.of("--add-modules", "jdk.incubator.vector", "-Dtidegrad.kernels=" + kernels, "-cp",
                System.getProperty("java.class.path"), FixedRun.class.getName(), workersOfCold, workersOfHot));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output;
        try (BufferedReader reader = process.inputReader()) {
            output = reader.lines().collect(Collectors.joining("\n"));
        }
        int status = process.waitFor();
        assumeFalse(output.contains("this processor's vectors have"),
                () -> "width " + kernels + " is beyond this processor");
        assertThat(status).as(output).isZero();
        return output.lines().filter(line -> !line.startsWith("WARNING: ")).toList();
    }
}
