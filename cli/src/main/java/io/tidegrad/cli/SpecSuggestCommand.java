package io.tidegrad.cli;

import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.replay.backtest.SpecSuggestion;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine;

/// `tidegrad spec suggest`.
final class SpecSuggestCommand {
    private SpecSuggestCommand() {}

    static int run(Settings settings, CommandLine line) {
        settings.highestOf(CliSettings.DATA, CliSettings.TOPIC);
        String file = settings.text(CliSettings.DATA);
        if (!file.isEmpty() && !settings.text(CliSettings.TOPIC).isEmpty()) {
            settings.problem("--data, --topic: expected one of them, found both");
        }
        if (file.isEmpty()) {
            for (Setting setting : List.of(CliSettings.TOPIC, CommonSettings.BOOTSTRAP_SERVERS,
                    CommonSettings.REGISTRY_URL)) {
                if (settings.text(setting).isEmpty()) {
                    settings.problem("--" + setting.key() + ": expected a value, found none; or give --data");
                }
            }
        }
        settings.refuseMistakes();
        String given = settings.text(CliSettings.LABEL);
        String label = given.isEmpty() ? null : given;
        line.getOut().print(file.isEmpty()
                ? SpecSuggestion.of(settings.kafka(), settings.registry(), settings.text(CliSettings.TOPIC), label)
                : SpecSuggestion.of(Path.of(file), label));
        return 0;
    }
}
