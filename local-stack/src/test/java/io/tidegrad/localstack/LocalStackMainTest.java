package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.LongProof;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@LongProof("a stack of its own")
final class LocalStackMainTest {
    @TempDir
    Path directory;

    /// As the command line tool runs it.
    static final class Foreground {
        public static void main(String[] args) {
            System.exit(LocalStackMain.run(LocalStackOptions.in(Path.of(args[0])), System.out));
        }
    }

    @Test
    void theForegroundStackSaysWhereItIsAndEndsItsRegistryAtSigterm() throws Exception {
        Process foreground = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dtidegrad.root=" + System.getProperty("tidegrad.root", ""), "-cp",
                System.getProperty("java.class.path"), Foreground.class.getName(), directory.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        try (var out = new BufferedReader(new InputStreamReader(foreground.getInputStream(), StandardCharsets.UTF_8))) {
            assertThat(out.readLine()).matches("local-stack is ready: bootstrap.servers=127\\.0\\.0\\.1:\\d+"
                    + " schema.registry.url=http://127\\.0\\.0\\.1:\\d+/apis/ccompat/v7.*");
            List<ProcessHandle> children = foreground.children().toList();
            assertThat(children).hasSize(1);

            foreground.toHandle().destroy();

            assertThat(foreground.waitFor(120, TimeUnit.SECONDS)).isTrue();
            assertThat(foreground.exitValue()).as("128 + SIGTERM").isEqualTo(143);
            children.getFirst().onExit().get(60, TimeUnit.SECONDS);
        } finally {
            foreground.destroyForcibly().waitFor();
        }
        // In order: it left its directory free, and Kafka its mark of a clean end.
        assertThat(directory.resolve("kafka/node-0/.kafka_cleanshutdown")).exists();
    }
}
