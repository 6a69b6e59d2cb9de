package io.tidegrad.console;

import io.tidegrad.ops.log.JsonLog;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.process.ProcessRun;
import java.util.List;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The process of a console. It prints one line when the page can be opened, `console ready: http://host:port`, and ends
/// with an `ExitCode`.
public final class ConsoleMain {
    private static final Logger LOG = LoggerFactory.getLogger(ConsoleMain.class);

    private ConsoleMain() {}

    /// @param known the commands whose settings may be in the environment or the file
    /// @param rollback makes what goes back to a version, from settings in which it notes every mistake
    public static void start(List<String> given, Commands known, Function<Settings, Rollback> rollback) {
        if (given.contains("--help") || given.contains("-h")) {
            System.out.print(ConsoleSettings.CONSOLE.help());
            return;
        }
        ConsoleConfig config;
        try {
            Settings settings = Settings.read(ConsoleSettings.CONSOLE, known, given, System.getenv());
            JsonLog.chosenBy(settings);
            config = ConsoleConfig.of(settings, rollback);
            LOG.info("settings: {}", settings);
        } catch (SettingsException e) {
            System.err.println(e.getMessage());
            System.exit(SettingsException.STATUS);
            return;
        }
        ProcessRun.run("console", config.security().scheme() + "://" + config.httpHost(),
                () -> ConsoleApp.start(config));
    }
}
