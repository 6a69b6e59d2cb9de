package io.tidegrad.loadtests;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.loadtests.bench.Machine;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.LocalStackException;
import io.tidegrad.localstack.LocalStackOptions;
import io.tidegrad.localstack.Resources;
import io.tidegrad.localstack.RunDirectory;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/// The frame of every load test: it runs broker and registry as processes, stops and removes everything at the end, and
/// keeps the logs if something went wrong.
public abstract class LoadTest {
    private static final int VIOLATIONS_TOLD_MAX = 20;
    private final boolean json;
    private final PrintStream out;
    private final PrintStream progress;
    private final Resources resources = new Resources();
    private final List<String> violations = new ArrayList<>();
    private @Nullable Lab lab; // while it runs

    /// @param json whether results are lines of JSON instead of tables
    /// @param out for the result
    /// @param progress for a line a run
    protected LoadTest(boolean json, PrintStream out, PrintStream progress) {
        this.json = json;
        this.out = out;
        this.progress = progress;
    }

    /// @throws LoadTestException something ended, stood still or did not do what is measured
    public final void run() throws InterruptedException {
        // Now, because SLF4J would report it if several threads logged for the first time at once.
        LoggerFactory.getILoggerFactory();
        Thread hook = new Thread(resources::close, "stop-load-test");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            RunDirectory directory = resources.add(RunDirectory.temporary());
            LocalStack stack = resources.add(LocalStack.start(stack(directory)));
            lab = resources.add(Lab.open(stack, directory, adminSettings()));
            String result = measure();
            if (!violations.isEmpty()) {
                directory.keepLogs();
                say("logs of all processes: %s", directory.logs());
            }
            out.print(result);
            out.flush();
        } catch (LoadTestException | LocalStackException e) {
            String logs = resources.keepLogs();
            throw new LoadTestException(e.getMessage() + (logs.isEmpty() ? "" : "\nLogs of all processes: " + logs), e);
        } finally {
            resources.close();
            Resources.removeHook(hook);
        }
    }

    /// The brokers and the registry to start.
    protected LocalStackOptions stack(RunDirectory directory) {
        return LocalStackOptions.in(directory.path()).withKafkaAsChild();
    }

    /// What the broker has counted; unknown where it can't be asked.
    final BrokerBytes brokerBytes() {
        try {
            return BrokerBytes.of(lab().brokerPid());
        } catch (LoadTestException e) {
            say("bytes of topics are not told: %s", String.valueOf(e.getMessage()));
            return BrokerBytes.UNKNOWN;
        }
    }

    /// Settings of the admin client.
    protected Map<String, Object> adminSettings() {
        return Map.of();
    }

    /// Returns what to print, if it has not printed all.
    protected abstract String measure() throws InterruptedException;

    protected final Lab lab() {
        return Objects.requireNonNull(lab, "it does not run");
    }

    /// What is not as it must be. The logs of all processes are kept if there is anything.
    public final List<String> violations() {
        return List.copyOf(violations);
    }

    protected final void violation(String expectedAndFound) {
        violations.add(expectedAndFound);
    }

    protected final void violations(Collection<String> expectedAndFound) {
        violations.addAll(expectedAndFound);
    }

    protected final void tellViolations() {
        violations.forEach(each -> say("%s", each));
    }

    /// As `text` of one result, to which their number is added. Tells the first violations at once.
    protected final String textWithViolations(Result result) {
        violations.stream().limit(VIOLATIONS_TOLD_MAX).forEach(each -> say("VIOLATION %s", each));
        return text(List.of(result.put("violations", violations.size())));
    }

    /// Returns results as they are printed; in JSON each also says which load test it is of, and where and when it was made.
    protected final String text(List<Result> results) {
        return json ? json(name(), results) : Result.text(results);
    }

    /// Returns lines of JSON that also say of which load test they are, and where and when it was made.
    public static String json(String name, List<Result> results) {
        String machine = Machine.describe(Kernels.active().name());
        results.forEach(result -> result.put("loadtest", name).put("machine", machine));
        return Result.json(results);
    }

    /// `train` of a `TrainLoad`.
    private String name() {
        return getClass().getSimpleName().replaceFirst("Load$", "").toLowerCase(Locale.ROOT);
    }

    /// Prints results at once, so that they are not lost if something later fails.
    protected final void print(List<Result> results) {
        out.print(text(results));
        out.flush();
    }

    protected final void say(String format, Object... values) {
        progress.println(String.format(Locale.ROOT, format, values));
        progress.flush();
    }

    /// @param nanos in the terms of `System.nanoTime`
    public static double secondsSince(long nanos) {
        return (System.nanoTime() - nanos) * 1e-9;
    }

    /// The launcher's JVM flags, with the logging of this process, and more.
    protected static List<String> childFlags(String... more) {
        return Processes.with(Processes.with(ChildJvm.TIDEGRAD_FLAGS, loggingFlags()), List.of(more));
    }

    /// Flags for a child that logs as this process does. Without them, the configurations of the libraries would compete.
    public static List<String> loggingFlags() {
        String logging = System.getProperty("logback.configurationFile");
        return logging == null ? List.of() : List.of("-Dlogback.configurationFile=" + logging);
    }
}
