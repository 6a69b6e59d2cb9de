package io.tidegrad.loadtests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// What a process of this machine has written to disks.
final class WrittenBytes {
    private static final String LINE = "write_bytes: ";

    private WrittenBytes() {}

    /// Bytes since the process began, in whole pages of memory, as Linux counts them. NaN if the operating system does not
    /// tell.
    static double of(long pid) {
        try {
            return Files.readAllLines(Path.of("/proc", String.valueOf(pid), "io")).stream()
                    .filter(line -> line.startsWith(LINE))
                    .mapToDouble(line -> Double.parseDouble(line.substring(LINE.length()))).findFirst()
                    .orElse(Double.NaN);
        } catch (IOException untold) {
            return Double.NaN;
        }
    }
}
