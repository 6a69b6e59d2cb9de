package io.tidegrad.loadtests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/// What Linux tells of a process of this machine. NaN where the operating system does not tell.
final class ProcessFigures {
    private ProcessFigures() {}

    /// Bytes written to disks since the process began, in whole pages of memory.
    static double writtenBytes(long pid) {
        return figure(pid, "io", "write_bytes:");
    }

    /// Memory that it occupies.
    static double residentMegabytes(long pid) {
        return figure(pid, "status", "VmRSS:") / 1024;
    }

    static double threads(long pid) {
        return figure(pid, "status", "Threads:");
    }

    /// 0 where the system does not tell.
    static long openFiles(long pid) {
        try (Stream<Path> files = Files.list(of(pid, "fd"))) {
            return files.count();
        } catch (IOException | UncheckedIOException untold) {
            return 0;
        }
    }

    private static double figure(long pid, String file, String name) {
        try {
            return Files.readAllLines(of(pid, file)).stream().filter(line -> line.startsWith(name))
                    .mapToDouble(line -> Double.parseDouble(line.substring(name.length()).replace("kB", "").strip()))
                    .findFirst().orElse(Double.NaN);
        } catch (IOException untold) {
            return Double.NaN;
        }
    }

    private static Path of(long pid, String file) {
        return Path.of("/proc", String.valueOf(pid), file);
    }
}
