package io.tidegrad.loadtests.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;

/// What was measured on, in one line that belongs to every table.
public final class Machine {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    private Machine() {}

    public static String describe(String kernels) {
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        return String.format(Locale.ROOT, "%s, %d processors, kernels %s, JDK %s, %s, load average %.2f", processor(),
                Runtime.getRuntime().availableProcessors(), kernels, Runtime.version(),
                Instant.now().truncatedTo(ChronoUnit.MINUTES), load);
    }

    /// As Linux names it; elsewhere the architecture.
    private static String processor() {
        try (var lines = Files.lines(CPU_INFO)) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip()).findFirst()
                    .orElse(System.getProperty("os.arch"));
        } catch (IOException noSuchFile) {
            return System.getProperty("os.arch");
        }
    }
}
