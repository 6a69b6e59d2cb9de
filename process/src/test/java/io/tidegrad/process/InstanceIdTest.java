package io.tidegrad.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.kafka.common.internals.Topic;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A trainer's name in its state directory. Kafka's own check of such names is the oracle.
class InstanceIdTest {
    @TempDir
    Path directory;

    @Test
    void aTrainerIsTheSameAtEveryStart() throws IOException {
        Path stateDir = directory.resolve("deep/state");
        String id = InstanceId.in(stateDir, "trainer");
        assertThat(InstanceId.in(stateDir, "trainer")).isEqualTo(id);
        try (Stream<Path> files = Files.list(stateDir)) {
            assertThat(files).containsExactly(stateDir.resolve("instance-id"));
        }
    }

    @Test
    void aNameThatSomebodyWroteThereIsKept() throws IOException {
        Files.writeString(directory.resolve("instance-id"), "trainer-of-my_own.1\n");
        assertThat(InstanceId.in(directory, "trainer")).isEqualTo("trainer-of-my_own.1");
    }

    static List<byte[]> damaged() {
        return List.of(new byte[0], new byte[]{'t', (byte) 0xff, 'r'}, "trainer-\n1".getBytes(StandardCharsets.UTF_8),
                "..".getBytes(StandardCharsets.UTF_8), "trainer-ä".getBytes(StandardCharsets.UTF_8), new byte[4096]);
    }

    @ParameterizedTest
    @MethodSource("damaged")
    void aDamagedNameIsReplacedForGood(byte[] bytes) throws IOException {
        Files.write(directory.resolve("instance-id"), bytes);
        String id = InstanceId.in(directory, "trainer");
        Topic.validate(id, "group.instance.id", why -> {
            throw new AssertionError(why);
        });
        assertThat(InstanceId.in(directory, "trainer")).isEqualTo(id);
    }

    @Test
    void aDirectoryThatCantBeWrittenIsNamed() throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        assertThatThrownBy(() -> InstanceId.in(file.resolve("state"), "trainer"))
                .isInstanceOfSatisfying(StopException.class,
                        e -> assertThat(e.exitCode()).isEqualTo(ExitCode.CONFIGURATION))
                .hasMessageContaining("state-dir " + file.resolve("state"));
    }
}
