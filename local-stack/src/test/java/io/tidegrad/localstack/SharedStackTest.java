package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class SharedStackTest {
    @TempDir
    Path directory;

    /// The output and the process of a stack that has ended.
    private Path ended(String said) throws Exception {
        Process process = new ProcessBuilder("true").start();
        assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        Path output = Files.writeString(directory.resolve("stack.out"), said);
        Files.writeString(directory.resolve("stack.out.pid"), process.pid() + "\n");
        return output;
    }

    /// Less than it may take to start.
    @Timeout(60)
    @Test
    void aStackThatEndedIsNotWaitedFor() throws Exception {
        Path output = ended("no port is free\n");
        assertThatThrownBy(() -> SharedStack.await(output)).isInstanceOf(LocalStackException.class)
                .hasMessageContainingAll("found that it has ended", output.toString(), "no port is free");
    }

    @Test
    void whatAStackSaysWhenItIsReadyIsFound() throws Exception {
        KafkaProvider found = SharedStack
                .await(ended("starting\nbootstrap.servers=127.0.0.1:4 schema.registry.url=http://127.0.0.1:5 \n"));
        assertThat(found.bootstrapServers()).isEqualTo("127.0.0.1:4");
        assertThat(found.registryUrl()).isEqualTo("http://127.0.0.1:5");
    }
}
