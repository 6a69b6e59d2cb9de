package io.tidegrad.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The end of a process one of whose looks ends with an error that leaves nothing of it sound.
class ProcessRunTest {
    @TempDir
    Path directory;

    /// A process of our own: it works or has not begun to, and a look ends with the error.
    record Ending(boolean works, Looks looks, Error error) implements ProcessRun.Work {
        public static void main(String[] arguments) {
            Error error = arguments[1].equals("memory") ? new OutOfMemoryError("Java heap space")
                    : new NoClassDefFoundError("a jar was replaced");
            ProcessRun.run(new ProcessRun.Configured("test", "http://127.0.0.1",
                    () -> new Ending(arguments[0].equals("works"), new Looks(), error)));
        }

        @Override
        public CompletableFuture<StopException> ended() {
            return new CompletableFuture<>();
        }

        @Override
        public int httpPort() {
            looks.every(Duration.ofMillis(1), "nothing can be seen", () -> {
                throw error;
            });
            return 1;
        }

        @Override
        public void close() {}
    }

    private void assertEnds(String works, String error, ExitCode code, String message) throws Exception {
        Path said = directory.resolve(works + error);
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), Ending.class.getName(), works,
                error).redirectErrorStream(true).redirectOutput(said.toFile()).start();
        try {
            assertThat(process.waitFor(2, TimeUnit.MINUTES)).as("it ends").isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.exitValue()).as(Files.readString(said)).isEqualTo(code.status());
        assertThat(said).content().contains(message);
    }

    @Test
    void memoryThatRunsOutEndsTheProcessAndMaySufficeAfterAnotherStartIfItSufficedBefore() throws Exception {
        assertEnds("works", "memory", ExitCode.RETRYABLE, "Raise the heap");
        assertEnds("begins", "memory", ExitCode.CONFIGURATION, "Raise the heap");
    }

    @Test
    void aClassThatIsGoneEndsTheProcess() throws Exception {
        assertEnds("begins", "class", ExitCode.RETRYABLE, "a jar was replaced");
    }
}
