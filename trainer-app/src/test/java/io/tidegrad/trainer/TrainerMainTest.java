package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.ops.http.FileDescriptors;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.OperationsServer;
import io.tidegrad.proof.EndsItsListener;
import io.tidegrad.proof.LongProof;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The process: its statuses, and what it says when it ends.
class TrainerMainTest {
    @TempDir
    Path directory;

    /// @param within a command that becomes the one that follows it
    /// @param program with its arguments
    private Process start(List<String> within, String heap, List<String> program) throws IOException {
        List<String> command = new ArrayList<>(within);
        command.addAll(TrainerProcess.command(heap, program));
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(directory.resolve("said").toFile())
                .start();
    }

    private String said() throws IOException {
        return Files.readString(directory.resolve("said"));
    }

    /// Without a broker: what it ends with comes before anybody is asked.
    private List<String> trainerOfNobody() {
        return List.of(TrainerMain.class.getName(), "--bootstrap-servers", "127.0.0.1:1", "--registry-url",
                "http://127.0.0.1:1", "--all-models", "--http-port", "0", "--state-dir",
                directory.resolve("state").toString());
    }

    private static void assertEnds(Process trainer, ExitCode status) throws InterruptedException {
        try {
            assertThat(trainer.waitFor(2 * TrainerFixture.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
            assertThat(trainer.exitValue()).isEqualTo(status.status());
        } finally {
            trainer.destroyForcibly();
        }
    }

    @Test
    void aHeapThatIsTooSmallForAnyModelIsNamedWithWhatIsNeeded() throws Exception {
        assertEnds(start(List.of(), "-Xmx24m", trainerOfNobody()), ExitCode.CONFIGURATION);
        assertThat(said())
                .containsPattern("expected a heap of more than 26.0 MiB .*found one of at most 23[.][0-9] MiB.*-Xmx")
                .doesNotContain("\tat ");
    }

    /// One too few.
    @Test
    void aLimitOfOpenFilesThatIsTooSmallIsNamedWithWhatIsNeeded() throws Exception {
        long needed = OperationsServer.CONNECTIONS_MAX + FileDescriptors.besides();
        String limited = "ulimit -n " + (needed - 1) + "; exec \"$0\" \"$@\"";
        assertEnds(start(List.of("sh", "-c", limited), "-Xmx128m", trainerOfNobody()), ExitCode.CONFIGURATION);
        assertThat(said())
                .contains("open files: expected a limit of at least " + needed + " (" + OperationsServer.CONNECTIONS_MAX
                        + " for connections of clients", "found " + (needed - 1) + "; raise it (ulimit -n")
                .doesNotContain("\tat ");
    }

    /// As it ships, not with the configuration of the tests.
    @LongProof("a process that starts and stops")
    @Test
    void everyLineThatATrainerLogsIsAJsonObjectThatNamesItsModelIfThatIsAskedFor() throws Exception {
        Path log = directory.resolve("log");
        try (TestLog events = new TestLog(directory, 1).created()) {
            events.send(0, 10);
            List<String> program = new ArrayList<>(List.of(TrainerMain.class.getName()));
            program.addAll(events.arguments("--log-format", "json"));
            Process trainer = new ProcessBuilder(
                    TrainerProcess.command("-Xmx192m -Dlogback.configurationFile=logback.xml", program))
                    .redirectOutput(directory.resolve("said").toFile()).redirectError(log.toFile()).start();
            try {
                await().atMost(TrainerFixture.PATIENCE).until(() -> !trainer.isAlive()
                        || said().contains("trainer ready: ") && Files.readString(log).contains("\"offset\":0"));
                trainer.toHandle().destroy();
                assertEnds(trainer, ExitCode.OK);
            } finally {
                trainer.destroyForcibly();
            }
        }
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(log)) {
            if (!line.startsWith("WARNING: ")) { // of the JVM, which knows of no log
                lines.add(new ObjectMapper().readTree(line));
            }
        }
        assertThat(lines).hasSizeGreaterThan(3).allMatch(JsonNode::isObject)
                .allMatch(line -> line.path("timestamp").asLong() > 0 && line.hasNonNull("formattedMessage"));
        assertThat(lines).anyMatch(line -> line.hasNonNull("model") && line.path("offset").asLong(-1) == 0);
    }

    @LongProof("a process whose port is closed")
    @Test
    void aTrainerWhosePortIsClosedEndsSoThatItIsStartedAgain() throws Exception {
        try (TestLog log = new TestLog(directory, 1).created()) {
            log.send(0, 10);
            List<String> program =
                    new ArrayList<>(List.of(EndsItsListener.class.getName(), "/health", TrainerMain.class.getName()));
            program.addAll(log.arguments());
            assertEnds(start(List.of(), "-Xmx192m", program), ExitCode.RETRYABLE);
        }
        assertThat(said()).contains("trainer ready: ")
                .containsPattern("port [0-9]+ is not listened on any more: .*only a restart helps");
    }
}
