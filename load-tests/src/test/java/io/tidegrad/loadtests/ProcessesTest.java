package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessesTest {
    @TempDir
    private Path directory;

    @Test
    void whatAProgramPrintsIsItsAnswerAndPartOfItsFailure() {
        assertThat(Processes.output(List.of("sh", "-c", "echo one; echo two >&2"))).isEqualTo("one\ntwo\n");
        assertThatThrownBy(() -> Processes.output(List.of("sh", "-c", "echo why; exit 3")))
                .isInstanceOf(LoadTestException.class).hasMessage("sh ended with status 3: why");
        assertThatThrownBy(() -> Processes.output(List.of("no-such-program-is-here")))
                .isInstanceOf(LoadTestException.class).hasMessageStartingWith("can't run no-such-program-is-here: ");
    }

    @Test
    void aDirectoryIsDeletedWithAllThatIsInIt() {
        Path file = Processes.write(directory.resolve("one/two/file"), "text");
        assertThat(Processes.all(directory.resolve("one"))).containsExactly(directory.resolve("one"),
                directory.resolve("one/two"), file);
        Processes.delete(directory.resolve("one"));
        assertThat(Files.exists(directory.resolve("one"))).isFalse();
        Processes.delete(directory.resolve("one"));
        assertThat(Processes.all(directory.resolve("one"))).isEmpty();
    }
}
