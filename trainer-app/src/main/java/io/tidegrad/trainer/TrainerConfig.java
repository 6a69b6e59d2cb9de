package io.tidegrad.trainer;

import io.tidegrad.schemas.settings.Command;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.schemas.settings.Setting;
import io.tidegrad.schemas.settings.Settings;
import io.tidegrad.schemas.settings.SettingsException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Everything a trainer is told.
///
/// @param models whose spec is registered already
/// @param httpPort 0 for any free one
/// @param keepSnapshots newest ones that stay on the topic
/// @param replication of topics we create, -1 for the broker's default
public record TrainerConfig(
        KafkaSettings kafka,
        RegistrySettings registry,
        String prefix,
        Path stateDir,
        List<Path> specs,
        List<String> models,
        String httpHost,
        int httpPort,
        int keepSnapshots,
        short replication) {
    public TrainerConfig {
        specs = List.copyOf(specs);
        models = List.copyOf(models);
    }

    /// @throws SettingsException with every mistake
    public static TrainerConfig parse(List<String> arguments, Map<String, String> environment) {
        return of(Settings.read(Command.TRAINER, arguments, environment));
    }

    /// @throws SettingsException with every mistake
    static TrainerConfig of(Settings settings) {
        List<String> specs = settings.list(Setting.SPEC);
        List<String> models = settings.list(Setting.MODEL);
        if (specs.isEmpty() && models.isEmpty()) {
            settings.problem("expected at least one --spec FILE or --model NAME, found none");
        }
        settings.refuseMistakes();
        return new TrainerConfig(
                settings.kafka(),
                settings.registry(),
                settings.text(Setting.PREFIX),
                Path.of(settings.text(Setting.STATE_DIR)),
                specs.stream().map(Path::of).toList(),
                models,
                settings.text(Setting.HTTP_HOST),
                settings.number(Setting.HTTP_PORT),
                settings.number(Setting.KEEP_SNAPSHOTS),
                (short) settings.numberIfGiven(Setting.REPLICATION).orElse(-1));
    }
}
