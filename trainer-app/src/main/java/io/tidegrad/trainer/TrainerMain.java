package io.tidegrad.trainer;

import io.tidegrad.schemas.settings.Command;
import io.tidegrad.schemas.settings.Settings;
import io.tidegrad.schemas.settings.SettingsException;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The trainer's process. Prints one line when it learns, `trainer ready: http://host:port`, and ends with an `ExitCode`.
public final class TrainerMain {
    private static final Logger LOG = LoggerFactory.getLogger(TrainerMain.class);

    private TrainerMain() {}

    public static void main(String[] arguments) {
        List<String> given = List.of(arguments);
        if (given.contains("--help") || given.contains("-h")) {
            System.out.print(Command.TRAINER.help());
            return;
        }
        TrainerConfig config;
        try {
            Settings settings = Settings.read(Command.TRAINER, given, System.getenv());
            config = TrainerConfig.of(settings);
            LOG.info("settings: {}", settings);
        } catch (SettingsException e) {
            System.err.println(e.getMessage());
            System.exit(SettingsException.STATUS);
            return;
        }
        run(config);
    }

    /// Ends the process: when it is asked to stop, or with the reason why a model can't go on.
    public static void run(TrainerConfig config) {
        TrainerApp app;
        try {
            app = TrainerApp.start(config);
            System.out.println("trainer ready: http://" + config.httpHost() + ":" + app.httpPort());
        } catch (TrainerException e) {
            // For a person: a message, no stack trace. Only a defect of ours is worth one.
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

    /// The JVM would end with 143 after SIGTERM; being asked to stop is no failure.
    private static void stopOnSignal(TrainerApp app) {
        app.close();
        TrainerException why = app.ended().getNow(null);
        Runtime.getRuntime().halt((why == null ? ExitCode.OK : why.exitCode()).status());
    }
}
