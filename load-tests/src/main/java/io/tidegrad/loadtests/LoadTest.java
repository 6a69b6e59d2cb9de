package io.tidegrad.loadtests;

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

/// What is around every measuring: broker and registry as processes of their own, everything stopped and removed at the
/// end whatever happens, the logs kept when something went wrong.
public abstract class LoadTest {
    private final PrintStream out;
    private final PrintStream progress;
    private final Resources resources = new Resources();

    /// @param out for the result
    /// @param progress for a line a run
    protected LoadTest(PrintStream out, PrintStream progress) {
        this.out = out;
        this.progress = progress;
    }

    /// @throws LoadTestException something ended, stood still or did not do what is measured
    public final void run() throws InterruptedException {
        // Before several threads begin to log at once: SLF4J would report that it kept their first lines.
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

    /// Brokers and registry that are started for it.
    protected LocalStackOptions stack(RunDirectory directory) {
        return LocalStackOptions.in(directory.path()).withKafkaAsChild();
    }

    /// Returns what to print.
    protected abstract String measure(LocalStack stack, RunDirectory directory) throws InterruptedException;

    protected final void say(String format, Object... values) {
        progress.println(String.format(Locale.ROOT, format, values));
        progress.flush();
    }

    /// @param nanos in the terms of `System.nanoTime`
    public static double secondsSince(long nanos) {
        return (System.nanoTime() - nanos) * 1e-9;
    }

    /// The launcher's, and this process's logging.
    protected static List<String> childFlags() {
        List<String> flags = new ArrayList<>(ChildJvm.TIDEGRAD_FLAGS);
        flags.addAll(loggingFlags());
        return flags;
    }

    /// For a child that logs as this process does: without them each library's own configuration would compete.
    public static List<String> loggingFlags() {
        String logging = System.getProperty("logback.configurationFile");
        return logging == null ? List.of() : List.of("-Dlogback.configurationFile=" + logging);
    }
}
