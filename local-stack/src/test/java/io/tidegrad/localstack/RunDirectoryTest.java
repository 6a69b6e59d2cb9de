package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunDirectoryTest {
    @Test
    void aTemporaryOneLeavesNothing() throws IOException {
        RunDirectory run = RunDirectory.temporary();
        Files.writeString(Files.createDirectories(run.path().resolve("kafka/data")).resolve("log"), "x");
        Files.writeString(run.logs().resolve("trainer.log"), "x");
        run.close();
        assertThat(run.path()).doesNotExist();
    }

    @Test
    void aFailedRunLeavesItsLogsAndNothingElse() throws IOException {
        RunDirectory run = RunDirectory.temporary();
        Files.createDirectories(run.path().resolve("kafka/data"));
        Files.writeString(run.path().resolve("kafka/broker.log"), "what");
        Files.createDirectories(run.path().resolve("joiner-1/state"));
        Files.writeString(run.path().resolve("joiner-1/joiner.out"), "who");
        Files.writeString(run.logs().resolve("trainer.log"), "why");
        run.keepLogs();
        run.close();
        assertThat(run.path()).isDirectoryContaining(path -> path.endsWith("logs"));
        assertThat(run.path().toFile().list()).containsExactly("logs");
        assertThat(run.logs().resolve("trainer.log")).hasContent("why");
        assertThat(run.logs().resolve("broker.log")).hasContent("what");
        assertThat(run.logs().resolve("joiner-1-joiner.out")).hasContent("who");
        Files.delete(run.logs().resolve("trainer.log"));
        Files.delete(run.logs().resolve("broker.log"));
        Files.delete(run.logs().resolve("joiner-1-joiner.out"));
        Files.delete(run.logs());
        Files.delete(run.path());
    }

    @Test
    void whatAKilledRunLeftIsDeletedByTheNext() throws IOException {
        Path abandoned = Files.createTempDirectory("tidegrad-run-");
        Files.createFile(abandoned.resolve("running.lock"));
        Files.createDirectories(abandoned.resolve("kafka"));
        try (RunDirectory running = RunDirectory.temporary(); RunDirectory next = RunDirectory.temporary()) {
            assertThat(abandoned).doesNotExist();
            assertThat(running.path()).exists();
            assertThat(next.path()).exists();
        }
    }

    @Test
    void aGivenOneStays(@TempDir Path folder) {
        RunDirectory run = RunDirectory.in(folder.resolve("run"));
        run.close();
        assertThat(run.logs()).exists();
    }

    @Test
    void aGivenOneMustBeEmpty(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("mine.txt"), "x");
        assertThatThrownBy(() -> RunDirectory.in(folder)).isInstanceOf(LocalStackException.class)
                .hasMessageContaining("is not empty");
        assertThat(folder.resolve("mine.txt")).exists();
    }
}
