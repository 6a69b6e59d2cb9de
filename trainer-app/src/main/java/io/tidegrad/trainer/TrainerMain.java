package io.tidegrad.trainer;

import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.process.ProcessRun;
import io.tidegrad.schemas.KafkaTime;
import java.util.List;
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
        ProcessRun.run("trainer", config.security().scheme() + "://" + config.httpHost(),
                () -> TrainerApp.start(config));
    }
}
