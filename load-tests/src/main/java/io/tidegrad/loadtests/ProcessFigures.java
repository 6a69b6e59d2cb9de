package io.tidegrad.loadtests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.DoubleSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// What the operating system tells of a process of this machine. NaN where it does not tell.
public final class ProcessFigures {
    /// The flag of a JVM of which `compilerCpuSeconds` tells what all compilers took. Without it a compiler thread that has
    /// nothing to do for a while may end, and then nothing tells what it took.
    static final String KEEP_COMPILERS = "-XX:-UseDynamicNumberOfCompilerThreads";

    /// Behind the name, user, nice, system, idle, iowait, irq and softirq.
    private static final int STOLEN = 8;

    private static final Pattern MAPPING = Pattern.compile("([0-9a-f]+)-[0-9a-f]+ ");

    private ProcessFigures() {}

    /// User and system time of all threads since the process began, which the operating system counts in hundredths of a
    /// second.
    public static double cpuSeconds(long pid) {
        return ProcessHandle.of(pid).flatMap(process -> process.info().totalCpuDuration())
                .map(cpu -> cpu.toNanos() * 1e-9).orElse(Double.NaN);
    }

    /// The part of that which the JVM's compilers took, without those that have ended (`KEEP_COMPILERS`). Their threads are
    /// called C1 and C2.
    public static double compilerCpuSeconds(long pid) {
        try (Stream<Path> threads = Files.list(of(pid, "task"))) {
            return threads.mapToDouble(ProcessFigures::compilerSeconds).sum();
        } catch (IOException | UncheckedIOException untold) {
            return Double.NaN;
        }
    }

    private static double compilerSeconds(Path thread) {
        try {
            return !Files.readString(thread.resolve("comm")).matches("C[12] Compiler.*\\s*") ? 0
                    : Long.parseLong(Files.readString(thread.resolve("schedstat")).split(" ", 2)[0]) * 1e-9;
        } catch (IOException ended) {
            return 0;
        }
    }

    /// Of this process.
    public static double ownCpuSeconds() {
        return cpuSeconds(ProcessHandle.current().pid());
    }

    /// Returns what a process takes from now on.
    public static DoubleSupplier cpuFromNow(long pid) {
        return fromNow(() -> cpuSeconds(pid));
    }

    /// Returns by what a figure grows from now on.
    public static DoubleSupplier fromNow(DoubleSupplier figure) {
        double before = figure.getAsDouble();
        return () -> figure.getAsDouble() - before;
    }

    /// Processor time of all cores since the machine began that its hypervisor gave to others, though threads of this
    /// machine wanted it, in hundredths of a second.
    static double stolenCpuSeconds() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/stat"))) {
            return lines.filter(line -> line.startsWith("cpu ")).map(line -> line.split(" +"))
                    .filter(figures -> figures.length > STOLEN)
                    .mapToDouble(figures -> Double.parseDouble(figures[STOLEN])).map(hundredths -> hundredths / 100)
                    .findFirst().orElse(Double.NaN);
        } catch (IOException untold) {
            return Double.NaN;
        }
    }

    /// Bytes written to disks since the process began, in whole pages of memory.
    static double writtenBytes(long pid) {
        return figure(pid, "io", "write_bytes:");
    }

    /// Memory that it occupies.
    static double residentMegabytes(long pid) {
        return figure(pid, "status", "VmRSS:") / 1024;
    }

    /// What of it lies in a heap.
    static double residentMegabytes(long pid, GcLog.Heap heap) {
        double kilobytes = 0;
        boolean inside = false;
        try {
            for (String line : Files.readAllLines(of(pid, "smaps"))) {
                Matcher mapping = MAPPING.matcher(line);
                if (mapping.lookingAt()) {
                    long from = Long.parseUnsignedLong(mapping.group(1), 16);
                    inside = from >= heap.from() && from < heap.to();
                } else if (inside && line.startsWith("Rss:")) {
                    kilobytes += Double.parseDouble(line.substring("Rss:".length()).replace("kB", "").strip());
                }
            }
            return kilobytes / 1024;
        } catch (IOException untold) {
            return Double.NaN;
        }
    }

    static double threads(long pid) {
        return figure(pid, "status", "Threads:");
    }

    /// Without the files of RocksDB's tables, whose number goes up and down as they are merged, but for those that are deleted
    /// and still open. 0 where the system does not tell.
    static long openFiles(long pid) {
        try (Stream<Path> files = Files.list(of(pid, "fd"))) {
            return files.filter(file -> !isTable(file)).count();
        } catch (IOException | UncheckedIOException untold) {
            return 0;
        }
    }

    private static boolean isTable(Path file) {
        try {
            return Files.readSymbolicLink(file).toString().endsWith(".sst");
        } catch (IOException closed) {
            return false;
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
