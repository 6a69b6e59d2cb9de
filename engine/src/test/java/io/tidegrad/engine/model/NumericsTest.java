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
    /// What `FixedRun` prints, for `Numerics.VERSION` 2.
    private static final List<String> HASHES =
            List.of("first a3d03d6815d8d20df2f8172c4e1ea9ce6689da6c3af5bf2b06357b6d5aed8b95",
                    "optimizers 0196173e8a1192409180d97c8cac5c8e135055d978217c445ac01237fe46cd1f",
                    "shapes 6c4cd607d47388d22a4e6a447950bfce44c3bdaf62b6e293a3376e130160ed10",
                    "optimizers-2 9524bee164eff7ad36d8fe00b47812efaf673472d9b5da7139d2000c81a86cdc",
                    "images 32f05b862da49364fcd99ed01751badfebacec1dde60b67099b42ab4dc25e466",
                    "recurrent 77c330f4a967808ea64a23fd6dfc2765e577d6a11dc84636877af88f63eedff8",
                    "losses 98dd71bef0edd0c87bd5e6717f454268e1a10ed1486ddc09a9cefd9e1d4fe073",
                    "norms dae6844cb6b4c5c43a87a1f18190e070e92dfbcdc48ee088573df1e3fd3ac0c8",
                    "attention 959a59ff952b907531a42f03e7a57d0ed2ad36b71a0b9686dfd22b26fb29366d",
                    "activations bc87ff6467dd0798a8ad493c867e94065c712b076c6865b08a871f863a4043dc",
                    "tables 5472e3c44e5ee89b3afd59343a8cfd344e91e9929ba96c7207d2f4504e3e5fd7");

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
        expected.addAll(HASHES);
        expected.addAll(HASHES);

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
        Process process = new ProcessBuilder(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules", "jdk.incubator.vector", "-Dtidegrad.kernels=" + kernels, "-cp",
                System.getProperty("java.class.path"), FixedRun.class.getName(), workersOfCold, workersOfHot))
                .redirectErrorStream(true).start();
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
