package io.tidegrad.joiner.app;

import io.tidegrad.ops.settings.Commands;
import io.tidegrad.process.ProcessRun;
import java.util.List;

/// The process of a joiner. It prints one line when it joins, `joiner ready: http://host:port`, and ends with an
/// `ExitCode`.
public final class JoinerMain {
    private JoinerMain() {}

    public static void main(String[] arguments) {
        start(List.of(arguments), Commands.of(JoinerSettings.JOINER));
    }

    /// @param known the commands whose settings may be in the environment or the file
    public static void start(List<String> given, Commands known) {
        ProcessRun.start(JoinerSettings.JOINER, known, given, settings -> {
            JoinerConfig config = JoinerConfig.of(settings);
            return new ProcessRun.Configured("joiner", config.security().scheme() + "://" + config.httpHost(),
                    () -> JoinerApp.start(config));
        });
    }
}
