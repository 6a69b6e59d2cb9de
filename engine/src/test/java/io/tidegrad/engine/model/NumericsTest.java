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

/// The same log gives the same bits: scalar or at any vector width, by one worker or two, cold or hot, in one go or with a
/// save and a restore in the middle. Each width has a JVM of its own, as in production.
class NumericsTest {
    /// What `FixedRun` prints, for `Numerics.VERSION` 1.
    private static final List<String> HASHES =
            List.of(
                    "first c89781d75a7aa78754e47db8998c4d7331dcadc758a3912e825d181ec59c420b",
                    "optimizers fb1dde77a22318581083dc3cfb970cef01271b60ae73399cecdb0f537c1a2c69",
                    "shapes 80762f6e7cb1fd71e9c72831e6720e8c3241f0e881e57f2485c3e30eb58e36f7",
                    "optimizers-2 48cde6d2c19e5c5ba0293f2d71e03c35e2b461de6426d19127b2e6924a8fa2e7",
                    "images 5ec17c7ba056ec944245aeb340ef8a45f5ed8d40a040070959cf904cc163cf92",
                    "recurrent 99bf673e292b470c257cb3e96a6f906aa9bf6a66c990cbf720a5da41a937703e",
                    "losses 366e86e55173cbfb3b34881b002e1ec8f1650f17d86df3276dcd674043fe228b",
                    "norms c751d360d49eec7ed2149aa66733ab0f641c93864960423480bbfd533c13edb2",
                    "attention da4cdfce8a1a8a14f925e6f5e80f6a6c3688fdf06a5b3d16048e6e82dd09f481",
                    "activations 4c63233504df017cb41a957f1265394f05aaf08da0336b2482b9c9ffb7618130",
                    "tables 7dc77e6a02955d2c26a2acd256594e2c2681f9750e363ff2964725cfc9a958d1");

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
        List<String> expected = new ArrayList<>(HASHES);
        expected.addFirst(kernels.equals("scalar") ? "scalar" : "simd-" + kernels);

        assertThat(runInJvmOfItsOwn(kernels, start, workers))
                .as(
                        "a line of another hash: stored models would learn on with other bits; if that is meant,"
                                + " raise Numerics.VERSION and commit the hash. A further line, of something new:"
                                + " commit it, Numerics.VERSION stays")
                .isEqualTo(expected);
    }

    /// What has no run could change its bits unseen.
    @Test
    void theFixedRunsHoldEveryLayerLossOptimizerAndClipping() {
        Set<Class<?>> used = new HashSet<>();
        new ClassFileImporter()
                .importClasses(FixedRun.class).get(FixedRun.class).getAccessesFromSelf().stream()
                        .filter(access -> access instanceof JavaCodeUnitAccess)
                        .forEach(access -> used.add(access.getTargetOwner().reflect()));
        for (Class<?> family :
                List.of(Layer.class, Loss.class, Optimizer.class, Schedule.class, Clipping.class)) {
            assertThat(Families.members(family))
                    .as("in a run of FixedRun; what is new gets one of its own")
                    .allMatch(used::contains);
        }
    }

    private static List<String> runInJvmOfItsOwn(String kernels, String start, String workers)
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
        return output.lines().filter(line -> !line.startsWith("WARNING: ")).toList();
    }
}
