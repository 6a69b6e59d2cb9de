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
import java.util.List;
import java.util.Locale;
import org.slf4j.LoggerFactory;

/// The frame of every load test: it runs broker and registry as processes, stops and removes everything at the end, and
/// keeps the logs if something went wrong.
public abstract class LoadTest {
    private final boolean json;
    private final PrintStream out;
    private final PrintStream progress;
    private final Resources resources = new Resources();

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
            out.print(measure(stack, directory));
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

    /// Returns what to print, if it has not printed all.
    protected abstract String measure(LocalStack stack, RunDirectory directory) throws InterruptedException;

    /// Returns results as they are printed; in JSON each also says which load test it is of, and where and when it was made.
    protected final String text(List<Result> results) {
        if (!json) {
            return Result.text(results);
        }
        String machine = Machine.describe(Kernels.active().name());
        results.forEach(result -> result.put("loadtest", name()).put("machine", machine));
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

    /// The launcher's JVM flags, with the logging of this process.
    protected static List<String> childFlags() {
        List<String> flags = new ArrayList<>(ChildJvm.TIDEGRAD_FLAGS);
        flags.addAll(loggingFlags());
        return flags;
    }

    /// Flags for a child that logs as this process does. Without them, the configurations of the libraries would compete.
    public static List<String> loggingFlags() {
        String logging = System.getProperty("logback.configurationFile");
        return logging == null ? List.of() : List.of("-Dlogback.configurationFile=" + logging);
    }
}
