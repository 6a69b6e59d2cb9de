package io.tidegrad.trainer;

import io.tidegrad.ops.log.JsonLog;
import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.process.ProcessRun;
import io.tidegrad.schemas.KafkaTime;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The process of a trainer. It prints one line when it learns, `trainer ready: http://host:port`, and ends with an
/// `ExitCode`.
public final class TrainerMain {
    private static final Logger LOG = LoggerFactory.getLogger(TrainerMain.class);

    private TrainerMain() {}

    public static void main(String[] arguments) {
        start(List.of(arguments), TrainerSettings.TRAINER, Commands.of(TrainerSettings.TRAINER),
                (settings, config) -> TrainerApp.start(config));
    }

    /// Runs a command that is the trainer's, perhaps with more settings and more to do.
    ///
    /// @param known the commands whose settings may be in the environment or the file
    /// @param work starts what the process does
    public static void start(List<String> given, Command command, Commands known,
            BiFunction<Settings, TrainerConfig, ? extends ProcessRun.Work> work) {
        KafkaTime.install();
        if (given.contains("--help") || given.contains("-h")) {
            System.out.print(command.help());
            return;
        }
        Settings settings;
        TrainerConfig config;
        try {
            settings = Settings.read(command, known, given, System.getenv());
            JsonLog.chosenBy(settings);
            config = TrainerConfig.of(settings);
            LOG.info("settings: {}", settings);
        } catch (SettingsException e) {
            System.err.println(e.getMessage());
            System.exit(SettingsException.STATUS);
            return;
        }
        run(config, () -> work.apply(settings, config));
    }

    /// Ends the process when it is asked to stop, or with the reason why no model can go on.
    public static void run(TrainerConfig config) {
        run(config, () -> TrainerApp.start(config));
    }

    private static void run(TrainerConfig config, Supplier<? extends ProcessRun.Work> work) {
        ProcessRun.run("trainer", config.security().scheme() + "://" + config.httpHost(), work);
    }
}
