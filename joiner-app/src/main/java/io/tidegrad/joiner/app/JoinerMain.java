package io.tidegrad.joiner.app;

import io.tidegrad.ops.log.JsonLog;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.process.ProcessRun;
import io.tidegrad.schemas.KafkaTime;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The process of a joiner. It prints one line when it joins, `joiner ready: http://host:port`, and ends with an
/// `ExitCode`.
public final class JoinerMain {
    private static final Logger LOG = LoggerFactory.getLogger(JoinerMain.class);

    private JoinerMain() {}

    public static void main(String[] arguments) {
        start(List.of(arguments), Commands.of(JoinerSettings.JOINER));
    }

    /// @param known the commands whose settings may be in the environment or the file
    public static void start(List<String> given, Commands known) {
        KafkaTime.install();
        if (given.contains("--help") || given.contains("-h")) {
            System.out.print(JoinerSettings.JOINER.help());
            return;
        }
        JoinerConfig config;
        try {
            Settings settings = Settings.read(JoinerSettings.JOINER, known, given, System.getenv());
            JsonLog.chosenBy(settings);
            config = JoinerConfig.of(settings);
            LOG.info("settings: {}", settings);
        } catch (SettingsException e) {
            System.err.println(e.getMessage());
            System.exit(SettingsException.STATUS);
            return;
        }
        ProcessRun.run("joiner", config.security().scheme() + "://" + config.httpHost(), () -> JoinerApp.start(config));
    }
}
