package io.tidegrad.trainer;

import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.ProcessRun;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Supplier;

/// The process of a trainer. It prints one line when it learns, `trainer ready: http://host:port`, and ends with an
/// `ExitCode`.
public final class TrainerMain {
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
        ProcessRun.start(command, known, given, settings -> {
            TrainerConfig config = TrainerConfig.of(settings);
            return configured(config, () -> work.apply(settings, config));
        });
    }

    /// Ends the process when it is asked to stop, or with the reason why no model can go on.
    public static void run(TrainerConfig config) {
        ProcessRun.run(configured(config, () -> TrainerApp.start(config)));
    }

    private static ProcessRun.Configured configured(TrainerConfig config, Supplier<? extends ProcessRun.Work> work) {
        return new ProcessRun.Configured("trainer", config.security().scheme() + "://" + config.httpHost(), work);
    }
}
