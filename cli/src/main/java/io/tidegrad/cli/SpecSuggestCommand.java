package io.tidegrad.cli;

import io.tidegrad.control.suggestion.SpecSuggestion;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.StopException;
import io.tidegrad.replay.backtest.DataFile;
import io.tidegrad.schemas.SchemaRegistry;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
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
        line.getOut().print(file.isEmpty() ? ofTopic(settings, label) : ofFile(Path.of(file), label));
        return 0;
    }

    private static String ofFile(Path file, @Nullable String label) {
        return SpecSuggestion.of(DataFile.sample(file), String.valueOf(file.getFileName()).replaceFirst("\\..*", ""),
                label);
    }

    private static String ofTopic(Settings settings, @Nullable String label) {
        try {
            return SpecSuggestion.of(settings.kafka(), settings.registry(), settings.text(CliSettings.TOPIC), label);
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            throw StopException.from(e, settings.registry().shownUrl());
        }
    }
}
