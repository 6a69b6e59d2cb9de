package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.trainer.exit.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `TrainerMain` in a heap that is too small for it.
class SmallHeapTest {
    @TempDir
    Path directory;

    private Process start(String heap, List<String> arguments) throws IOException {
        List<String> command =
                new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
                        "-Dtidegrad.kernels=scalar", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", heap, "-cp",
                        System.getProperty("java.class.path"), TrainerMain.class.getName()));
        command.addAll(arguments);
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(directory.resolve("said").toFile())
                .start();
    }

    private String said() throws IOException {
        return Files.readString(directory.resolve("said"));
    }

    /// Before anybody is asked: there is no broker.
    @Test
    void aHeapThatIsTooSmallForAnyModelIsNamedWithWhatIsNeeded() throws Exception {
        Process trainer =
                start("-Xmx24m", List.of("--bootstrap-servers", "127.0.0.1:1", "--registry-url", "http://127.0.0.1:1",
                        "--all-models", "--http-port", "0", "--state-dir", directory.resolve("state").toString()));
        try {
            assertThat(trainer.waitFor(TrainerTest.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
            assertThat(trainer.exitValue()).isEqualTo(ExitCode.CONFIGURATION.status());
            assertThat(said())
                    .containsPattern(
                            "expected a heap of more than 26.0 MiB .*found one of at most 23[.][0-9] MiB.*-Xmx")
                    .doesNotContain("\tat ");
        } finally {
            trainer.destroyForcibly();
        }
    }
}
