package io.tidegrad.console;

import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.ProcessRun;
import java.util.List;
import java.util.function.Function;

/// The process of a console. It prints one line when the page can be opened, `console ready: http://host:port`, and ends
/// with an `ExitCode`.
public final class ConsoleMain {
    private ConsoleMain() {}

    /// @param known the commands whose settings may be in the environment or the file
    /// @param rollback makes what goes back to a version, from settings in which it notes every mistake
    public static void start(List<String> given, Commands known, Function<Settings, Rollback> rollback) {
        ProcessRun.start(ConsoleSettings.CONSOLE, known, given, settings -> {
            ConsoleConfig config = ConsoleConfig.of(settings, rollback);
            return new ProcessRun.Configured("console", config.security().scheme() + "://" + config.httpHost(),
                    () -> ConsoleApp.start(config));
        });
    }
}
