package io.tidegrad.localstack;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A JVM started by this one under [ParentWatch], so that it never outlives this process. Its output goes to files.
public final class ChildJvm implements AutoCloseable {
    // The pipe that shows the child that its parent is alive is closed when the Process object is collected, so a
    // running child must stay reachable even if its owner dropped it.
    private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

    /// The JVM flags of a trainer or scorer in production, as in the launcher: the engine's module, no warning about
    /// native access, the collector without threads of its own, compiler thresholds that suit the kernels.
    public static final List<String> LAUNCHER_FLAGS = List.of("--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow", "-XX:+UseSerialGC",
            "-XX:MetaspaceSize=128m", "-XX:Tier4BackEdgeThreshold=200000", "-XX:Tier4MinInvocationThreshold=100");

    /// The flags by which joiners and consoles have another collector than the serial one, as in the launcher.
    public static final List<String> SHORT_PAUSES = List.of("-XX:-UseSerialGC", "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=25", "-XX:-ClassUnloadingWithConcurrentMark");

    /// The flag by which a joiner gives back the memory that its stores no longer use, as in the launcher.
    public static final String TRIM_NATIVE_HEAP = "-XX:TrimNativeHeapInterval=1000";

    /// The flags of the launcher, and what this JVM was started with of class cache, compilers, huge pages and kernels.
    public static final List<String> TIDEGRAD_FLAGS = tidegradFlags();

    /// Of the flag with which a JVM does without its slower, better compiler.
    static final String COMPILERS = "-XX:TieredStopAtLevel=";

    private static final String HUGE_PAGES = "-XX:+UseTransparentHugePages";

    /// Names of processes for which the launcher does not ask for them.
    private static final Pattern WITHOUT_HUGE_PAGES = Pattern.compile("(joiner|scorer|console).*");

    /// Names of processes for which it asks that they are touched at the start.
    private static final Pattern WITH_TOUCHED_PAGES = Pattern.compile("trainer.*");

    private static final int TAIL_BYTES = 4096;
    private static final Duration STOP_WITHIN = Duration.ofSeconds(10);

    private final String name;
    private final Process process;
    private final Path log;

    private static List<String> tidegradFlags() {
        List<String> flags = new ArrayList<>(LAUNCHER_FLAGS);
        flags.addAll(ownFlags("-XX:AOTCache=", "-Xlog:aot", COMPILERS, HUGE_PAGES, "-Dtidegrad.kernels="));
        return List.copyOf(flags);
    }

    /// The flags that this JVM was started with and that begin so.
    static List<String> ownFlags(String... beginnings) {
        return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(flag -> Stream.of(beginnings).anyMatch(flag::startsWith)).toList();
    }

    private ChildJvm(String name, Process process, Path log) {
        this.name = name;
        this.process = process;
        this.log = log;
    }

    /// Runs one of our main classes on our class path.
    ///
    /// @param name      for messages: `trainer`
    /// @param mainClass main class and its arguments
    /// @param output    standard output is appended to it
    /// @param log       standard error is appended to it
    public static ChildJvm run(String name, List<String> jvmFlags, List<String> mainClass, Path output, Path log) {
        return run(List.of(), name, jvmFlags, mainClass, output, log);
    }

    /// Likewise, with additional entries after our class path.
    ///
    /// @param moreClassPath a folder, a jar, or `…/*` for all jars of a folder
    public static ChildJvm run(String name, List<String> jvmFlags, List<Path> moreClassPath, List<String> mainClass,
            Path output, Path log) {
        List<String> classPath = new ArrayList<>(ownClassPath());
        moreClassPath.forEach(path -> classPath.add(path.toString()));
        return run(List.of(), name, jvmFlags, classPath, mainClass, output, log);
    }

    /// @param within a command that executes the command after it, such as `nice -n 5`
    public static ChildJvm run(List<String> within, String name, List<String> jvmFlags, List<String> mainClass,
            Path output, Path log) {
        return run(within, name, jvmFlags, ownClassPath(), mainClass, output, log);
    }

    private static ChildJvm run(List<String> within, String name, List<String> jvmFlags, List<String> classPath,
            List<String> mainClass, Path output, Path log) {
        List<String> command = new ArrayList<>(List.of(ParentWatch.class.getName()));
        command.addAll(mainClass);
        return start(within, name, jvmFlags, classPath, command, ProcessBuilder.Redirect.appendTo(output.toFile()),
                log);
    }

    /// @param classPath entries, in order
    /// @param command main class and its arguments; the main class must run under [ParentWatch]
    /// @param log file to which standard error is appended, and standard output unless the child uses it for
    ///     [#awaitLine]
    /// @param talks whether standard output is a pipe for [#awaitLine] instead of going to the log
    static ChildJvm start(String name, List<String> jvmFlags, List<String> classPath, List<String> command, Path log,
            boolean talks) {
        return start(List.of(), name, jvmFlags, classPath, command,
                talks ? ProcessBuilder.Redirect.PIPE : ProcessBuilder.Redirect.appendTo(log.toFile()), log);
    }

    private static ChildJvm start(List<String> within, String name, List<String> jvmFlags, List<String> classPath,
            List<String> command, ProcessBuilder.Redirect output, Path log) {
        ProcessBuilder builder = new ProcessBuilder(line(within, name, jvmFlags, classPath, command))
                .redirectOutput(output).redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
        // Flags for this JVM must neither affect the child nor make it print a line about them.
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().remove("JDK_JAVA_OPTIONS");
        try {
            Files.createDirectories(log.toAbsolutePath().getParent());
            Process process = builder.start();
            RUNNING.add(process);
            process.onExit().thenAccept(RUNNING::remove);
            return new ChildJvm(name, process, log);
        } catch (IOException e) {
            throw new LocalStackException("can't start the " + name + ": " + e.getMessage(), e);
        }
    }

    /// The command line of a child, with huge pages as the launcher asks for them.
    static List<String> line(List<String> within, String name, List<String> jvmFlags, List<String> classPath,
            List<String> command) {
        List<String> line = new ArrayList<>(within);
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.addAll(jvmFlags);
        if (WITHOUT_HUGE_PAGES.matcher(name).matches()) {
            line.remove(HUGE_PAGES);
        } else if (WITH_TOUCHED_PAGES.matcher(name).matches() && line.contains(HUGE_PAGES)) {
            line.add("-XX:+AlwaysPreTouch");
        }
        line.add("-cp");
        line.add(String.join(File.pathSeparator, classPath));
        line.addAll(command);
        return line;
    }

    /// The class path of this JVM, for a child that runs our classes.
    static List<String> ownClassPath() {
        return List.of(System.getProperty("java.class.path").split(File.pathSeparator));
    }

    /// The directory or jar with the classes of this module.
    static Path ownCode() {
        try {
            return Path.of(ChildJvm.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /// The first line the child prints to its standard output.
    ///
    /// @throws LocalStackException it ended, or printed nothing within `bound`; the message has the end of its log
    String awaitLine(Duration bound) {
        CompletableFuture<@Nullable String> line = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> {
            try (var out = reader(process.getInputStream())) {
                line.complete(out.readLine());
            } catch (IOException e) {
                line.completeExceptionally(e);
            }
        });
        try {
            String answer = line.get(bound.toMillis(), TimeUnit.MILLISECONDS);
            if (answer != null) {
                return answer;
            }
        } catch (TimeoutException silent) {
            kill();
            throw new LocalStackException(
                    "the " + name + " was not ready after " + bound.toSeconds() + " s; its log: " + log);
        } catch (ExecutionException e) {
            throw new LocalStackException("lost the " + name + " while it started: " + e.getCause(), e);
        } catch (InterruptedException e) {
            kill();
            Thread.currentThread().interrupt();
            throw new LocalStackException("interrupted while the " + name + " was starting", e);
        }
        waitFor(Duration.ofSeconds(10));
        throw endedEarly();
    }

    private static BufferedReader reader(InputStream in) {
        return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
    }

    LocalStackException endedEarly() {
        String status = process.isAlive() ? "closed its output" : "ended with status " + process.exitValue();
        return new LocalStackException("the " + name + " " + status + " instead of getting ready; the end of its log ("
                + log + "): " + logTail());
    }

    /// @throws LocalStackException it has ended unexpectedly; the message has the end of its log
    public void requireAlive() {
        if (!process.isAlive()) {
            throw ended();
        }
    }

    /// Waits for the end, at most `bound`.
    ///
    /// @return whether it has ended
    /// @throws LocalStackException its status is not 0; the message has the end of its log
    public boolean finishes(Duration bound) throws InterruptedException {
        if (!process.waitFor(bound)) {
            return false;
        }
        if (process.exitValue() != 0) {
            throw ended();
        }
        return true;
    }

    private LocalStackException ended() {
        return new LocalStackException("the " + name + " ended with status " + process.exitValue()
                + ". The end of its log, " + log + ":\n" + logTail());
    }

    public String logTail() {
        try {
            byte[] all = Files.readAllBytes(log);
            int from = Math.max(0, all.length - TAIL_BYTES);
            return new String(all, from, all.length - from, StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "(unreadable: " + e.getMessage() + ")";
        }
    }

    /// The number of lines with these words in its log, including those of earlier processes with the same log.
    public long linesWith(String words) {
        try (Stream<String> lines = Files.lines(log)) {
            return lines.filter(line -> line.contains(words)).count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    public long pid() {
        return process.pid();
    }

    CompletableFuture<Process> onExit() {
        return process.onExit();
    }

    /// Waits for the end, at most `bound`.
    ///
    /// @return whether it has ended
    public boolean waitFor(Duration bound) {
        try {
            return process.waitFor(bound);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return !process.isAlive();
        }
    }

    /// Stops the process with SIGTERM, and with SIGKILL after `patience`.
    public void stop(Duration patience) {
        // Uses the handle, because Process.destroy would also close the pipe, and the child would assume that its
        // parent is gone.
        process.toHandle().destroy();
        if (!waitFor(patience)) {
            kill();
        }
    }

    /// Pauses the process with SIGSTOP until [#resume]. It uses `kill`, because Java can't send this signal.
    ///
    /// @throws LocalStackException this system has no `kill`
    public void pause() {
        signal("-STOP");
    }

    /// Continues the process with SIGCONT, after [#pause].
    public void resume() {
        signal("-CONT");
    }

    /// Lets the process write the stacks of all its threads to its standard output.
    public void dumpThreads() {
        signal("-QUIT");
    }

    private void signal(String signal) {
        try {
            int status = new ProcessBuilder("kill", signal, String.valueOf(process.pid())).redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor();
            if (status != 0 && process.isAlive()) {
                throw new LocalStackException("kill " + signal + " of the " + name + " ended with status " + status);
            }
        } catch (IOException e) {
            throw new LocalStackException("can't run kill: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LocalStackException("interrupted while pausing the " + name, e);
        }
    }

    /// Its exit status; empty while it runs.
    public OptionalInt status() {
        return process.isAlive() ? OptionalInt.empty() : OptionalInt.of(process.exitValue());
    }

    /// Stops the process with SIGTERM, and with SIGKILL after 10 s. Returns when it is gone.
    @Override
    public void close() {
        stop(STOP_WITHIN);
    }

    /// SIGKILL; returns when the process is gone.
    public void kill() {
        process.destroyForcibly();
        try {
            process.waitFor();
            process.getOutputStream().close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
