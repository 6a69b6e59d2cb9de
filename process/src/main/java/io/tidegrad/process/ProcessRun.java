package io.tidegrad.process;

import io.tidegrad.ops.log.JsonLog;
import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.schemas.KafkaTime;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The life of a process: it starts its work, prints one line when it is ready, `trainer ready: http://host:port`, and ends
/// with an `ExitCode`.
public final class ProcessRun {
    private static final Logger LOG = LoggerFactory.getLogger(ProcessRun.class);

    private ProcessRun() {}

    /// What a process does until it is asked to stop, or can't go on.
    public interface Work extends AutoCloseable {
        /// Completes with the reason why the whole process can't go on.
        CompletableFuture<StopException> ended();

        /// Returns the port of health and metrics.
        int httpPort();

        /// Returns whether anything was done yet: memory that runs out later may suffice after another start.
        boolean works();

        /// Commits and stops everything. A second call does nothing.
        @Override
        void close();
    }

    /// What the settings of a command ask for.
    ///
    /// @param program its name in the line that says it is ready
    /// @param address where it listens, without the port: `https://host`
    /// @param work throws a `StopException` if it can't begin
    public record Configured(String program, String address, Supplier<? extends Work> work) {
    }

    /// Runs what a command's settings ask for. Prints the command's help instead if that is asked for, and ends the process
    /// with what is wrong with the settings.
    ///
    /// @param known the commands whose settings may be in the environment or the file
    /// @param configured throws a `SettingsException` if the settings are wrong
    public static void start(Command command, Commands known, List<String> given,
            Function<Settings, Configured> configured) {
        KafkaTime.install();
        if (given.contains("--help") || given.contains("-h")) {
            System.out.print(command.help());
            return;
        }
        Configured asked;
        try {
            Settings settings = Settings.read(command, known, given, System.getenv());
            JsonLog.chosenBy(settings);
            asked = configured.apply(settings);
            LOG.info("settings: {}", settings);
        } catch (SettingsException e) {
            System.err.println(e.getMessage());
            System.exit(SettingsException.STATUS);
            return;
        }
        run(asked);
    }

    /// Ends the process when it is asked to stop, or with the reason why it can't go on.
    public static void run(Configured asked) {
        AtomicReference<@Nullable Work> running = new AtomicReference<>();
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> threadEnded(thread, thrown, running.get()));
        Work work;
        try {
            work = asked.work().get();
            running.set(work);
            System.out.println(asked.program() + " ready: " + asked.address() + ":" + work.httpPort());
        } catch (StopException e) {
            // Only what may be a defect is logged with its stack trace.
            if (e.mayBeADefect()) {
                LOG.error("can't start", e);
            } else {
                LOG.error("can't start: {}", e.getMessage());
            }
            System.exit(e.exitCode().status());
            return;
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stopOnSignal(work), "stop"));
        try {
            StopException why = work.ended().get();
            if (why.mayBeADefect()) {
                LOG.error("stopping, perhaps because of a defect", why);
            }
            work.close();
            Runtime.getRuntime().halt(why.exitCode().status());
        } catch (InterruptedException | ExecutionException e) {
            LOG.error("a defect", e);
            Runtime.getRuntime().halt(ExitCode.INTERNAL.status());
        }
    }

    /// Ends the process if a thread ran out of memory, or found no class because a jar was replaced: without that thread
    /// the process could wait for ever. Before anything was done the heap is too small; later, starting again may help.
    private static void threadEnded(Thread thread, Throwable thrown, @Nullable Work work) {
        if (!(thrown instanceof OutOfMemoryError || thrown instanceof LinkageError)) {
            LOG.error("thread {} ended", thread.getName(), thrown);
            return;
        }
        StopException why = StopException.from(thrown);
        ExitCode code = work != null && work.works() ? ExitCode.RETRYABLE : why.exitCode();
        LOG.error("stopping: thread {} ended: {}", thread.getName(), why.getMessage(),
                why.mayBeADefect() ? thrown : null);
        Runtime.getRuntime().halt(code.status());
    }

    /// Ends the process with code 0 after SIGTERM, after which the JVM would end with 143.
    private static void stopOnSignal(Work work) {
        work.close();
        StopException why = work.ended().getNow(null);
        Runtime.getRuntime().halt((why == null ? ExitCode.OK : why.exitCode()).status());
    }
}
