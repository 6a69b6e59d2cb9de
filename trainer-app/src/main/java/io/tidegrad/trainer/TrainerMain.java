package io.tidegrad.trainer;

import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.schemas.KafkaTime;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The process of a trainer. It prints one line when it learns, `trainer ready: http://host:port`, and ends with an
/// `ExitCode`.
public final class TrainerMain {
    private static final Logger LOG = LoggerFactory.getLogger(TrainerMain.class);

    private TrainerMain() {}

    public static void main(String[] arguments) {
        start(List.of(arguments), Commands.of(TrainerSettings.TRAINER));
    }

    /// @param known the commands whose settings may be in the environment or the file
    public static void start(List<String> given, Commands known) {
        KafkaTime.install();
        if (given.contains("--help") || given.contains("-h")) {
            System.out.print(TrainerSettings.TRAINER.help());
            return;
        }
        TrainerConfig config;
        try {
            Settings settings = Settings.read(TrainerSettings.TRAINER, known, given, System.getenv());
            config = TrainerConfig.of(settings);
            LOG.info("settings: {}", settings);
        } catch (SettingsException e) {
            System.err.println(e.getMessage());
            System.exit(SettingsException.STATUS);
            return;
        }
        run(config);
    }

    /// Ends the process when it is asked to stop, or with the reason why no model can go on.
    public static void run(TrainerConfig config) {
        AtomicReference<@Nullable TrainerApp> running = new AtomicReference<>();
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> threadEnded(thread, thrown, running.get()));
        TrainerApp app;
        try {
            app = TrainerApp.start(config);
            running.set(app);
            System.out.println("trainer ready: http://" + config.httpHost() + ":" + app.httpPort());
        } catch (TrainerException e) {
            // Only a defect is logged with its stack trace.
            if (e.exitCode() == ExitCode.INTERNAL) {
                LOG.error("can't start", e);
            } else {
                LOG.error("can't start: {}", e.getMessage());
            }
            System.exit(e.exitCode().status());
            return;
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stopOnSignal(app), "stop"));
        try {
            TrainerException why = app.ended().get();
            if (why.exitCode() == ExitCode.INTERNAL) {
                LOG.error("a defect", why);
            }
            app.close();
            Runtime.getRuntime().halt(why.exitCode().status());
        } catch (InterruptedException | ExecutionException e) {
            LOG.error("a defect", e);
            Runtime.getRuntime().halt(ExitCode.INTERNAL.status());
        }
    }

    /// Ends the process if a thread ran out of memory: without that thread it could wait for ever. Before anything was
    /// learned the heap is too small; later, starting again may help.
    private static void threadEnded(Thread thread, Throwable thrown, @Nullable TrainerApp app) {
        if (!(thrown instanceof OutOfMemoryError)) {
            LOG.error("thread {} ended", thread.getName(), thrown);
            return;
        }
        boolean learned = app != null && app.models().stream().anyMatch(ModelTrainer::learns);
        ExitCode code = learned ? ExitCode.RETRYABLE : TrainerException.from(thrown).exitCode();
        LOG.error("stopping: thread {} ended: {}", thread.getName(), TrainerException.from(thrown).getMessage());
        Runtime.getRuntime().halt(code.status());
    }

    /// Ends the process with code 0 after SIGTERM, after which the JVM would end with 143.
    private static void stopOnSignal(TrainerApp app) {
        app.close();
        TrainerException why = app.ended().getNow(null);
        Runtime.getRuntime().halt((why == null ? ExitCode.OK : why.exitCode()).status());
    }
}
