package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Of this process, whose files and memory are known.
@EnabledOnOs(OS.LINUX)
class ProcessFiguresTest {
    private static final long SELF = ProcessHandle.current().pid();

    @TempDir
    private Path directory;

    @Test
    void anOpenTableFileIsCountedOnceItIsDeleted() throws Exception {
        Path log = Files.createFile(directory.resolve("000001.log"));
        Path table = Files.createFile(directory.resolve("000002.sst"));
        long before = ProcessFigures.openFiles(SELF);
        try (InputStream first = Files.newInputStream(log)) {
            assertThat(first).isEmpty();
            assertThat(ProcessFigures.openFiles(SELF)).isEqualTo(before + 1);
            try (InputStream second = Files.newInputStream(table)) {
                assertThat(second).isEmpty();
                assertThat(ProcessFigures.openFiles(SELF)).isEqualTo(before + 1);
                Files.delete(table);
                assertThat(ProcessFigures.openFiles(SELF)).isEqualTo(before + 2);
            }
        }
    }

    @Test
    void whatLiesInAHeapIsThatOfItsMappingsOnly() {
        assertThat(ProcessFigures.residentMegabytes(SELF, new GcLog.Heap(0, Long.MAX_VALUE)))
                .isCloseTo(ProcessFigures.residentMegabytes(SELF), within(20.0));
        assertThat(ProcessFigures.residentMegabytes(SELF, new GcLog.Heap(0, 0))).isZero();
    }
}
