package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.ParentWatch;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// A `tidegrad` command in a JVM of its own. It runs under [ParentWatch], so it ends with us however we end; what it
/// prints goes to a log file.
final class ChildProcess implements AutoCloseable {
    private static final Duration STOP_WITHIN = Duration.ofSeconds(10);
    private static final int TAIL_LINES = 12;

    private final String name;
    private final Process process;
    private final Path log;

    private ChildProcess(String name, Process process, Path log) {
        this.name = name;
        this.process = process;
        this.log = log;
    }

    /// @param name for messages: `trainer`
    /// @param mainClass and its arguments; it runs on our own class path
    /// @param output where standard output goes; standard error goes to `log`
    static ChildProcess start(
            String name, List<String> jvmFlags, List<String> mainClass, Path output, Path log) {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.addAll(jvmFlags);
        line.add("-cp");
        line.add(absolute(System.getProperty("java.class.path")));
        line.add(ParentWatch.class.getName());
        line.addAll(mainClass);
        ProcessBuilder builder =
                new ProcessBuilder(line)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()))
                        .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
        // Flags meant for this JVM must not change the child, nor make it print a line about them.
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().remove("JDK_JAVA_OPTIONS");
        try {
            return new ChildProcess(name, builder.start(), log);
        } catch (IOException e) {
            throw new QuickstartException("can't start the " + name + ": " + e.getMessage(), e);
        }
    }

    private static String absolute(String classPath) {
        List<String> entries = new ArrayList<>();
        for (String entry : classPath.split(File.pathSeparator)) {
            entries.add(Path.of(entry).toAbsolutePath().toString());
        }
        return String.join(File.pathSeparator, entries);
    }

    /// @throws QuickstartException it has ended, which it should not; with the end of its log
    void requireAlive() {
        if (!process.isAlive()) {
            throw ended();
        }
    }

    /// Waits for the end, at most `bound`.
    ///
    /// @return whether it has ended
    /// @throws QuickstartException its status is not 0
    boolean finishes(Duration bound) throws InterruptedException {
        if (!process.waitFor(bound.toMillis(), TimeUnit.MILLISECONDS)) {
            return false;
        }
        if (process.exitValue() != 0) {
            throw ended();
        }
        return true;
    }

    private QuickstartException ended() {
        return new QuickstartException(
                "the "
                        + name
                        + " ended with status "
                        + process.exitValue()
                        + ". The end of its log, "
                        + log
                        + ":\n"
                        + logTail());
    }

    private String logTail() {
        try {
            List<String> lines = Files.readAllLines(log, StandardCharsets.UTF_8);
            List<String> tail = lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size());
            return tail.isEmpty() ? "  (empty)" : "  " + String.join("\n  ", tail);
        } catch (IOException e) {
            return "  (unreadable: " + e.getMessage() + ")";
        }
    }

    /// SIGTERM, and SIGKILL if it takes longer than 10 s. Returns when the process is gone.
    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(STOP_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
                kill();
            }
        } catch (InterruptedException e) {
            kill();
            Thread.currentThread().interrupt();
        }
    }

    /// SIGKILL: what was not written to the operating system is gone.
    void kill() {
        process.destroyForcibly();
    }
}
