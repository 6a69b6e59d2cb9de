package io.tidegrad.scorerapp;

import io.tidegrad.schemas.settings.Command;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.Setting;
import io.tidegrad.schemas.settings.Settings;
import io.tidegrad.schemas.settings.SettingsException;
import java.util.List;
import java.util.Map;

/// Everything a scorer is told.
///
/// @param models to serve, at least one
/// @param topicPrefix of our topics
/// @param host to bind; the loopback address unless said otherwise
/// @param port 0 for any free one
/// @param maxBodyBytes larger requests are answered 413
/// @param maxConnections open at once; further ones wait to be accepted
/// @param maxSnapshotBytes largest model taken; 0 for a quarter of the heap
/// @param ignoreUnknownFields whether fields that no feature reads are passed over instead of refused
public record ScorerConfig(
        List<String> models,
        String topicPrefix,
        String host,
        int port,
        int maxBodyBytes,
        int maxConnections,
        long maxSnapshotBytes,
        boolean ignoreUnknownFields,
        KafkaSettings kafka) {
    public ScorerConfig {
        models = List.copyOf(models);
    }

    /// @throws SettingsException with every mistake
    static ScorerConfig parse(List<String> arguments, Map<String, String> environment) {
        return of(Settings.read(Command.SCORER, arguments, environment));
    }

    /// @throws SettingsException with every mistake
    static ScorerConfig of(Settings settings) {
        settings.refuseMistakes();
        return new ScorerConfig(
                settings.list(Setting.MODEL),
                settings.text(Setting.PREFIX),
                settings.text(Setting.HTTP_HOST),
                settings.number(Setting.HTTP_PORT),
                settings.number(Setting.MAX_BODY_BYTES),
                settings.number(Setting.MAX_CONNECTIONS),
                settings.numberIfGiven(Setting.MAX_SNAPSHOT_BYTES).orElse(0),
                settings.text(Setting.UNKNOWN_FIELDS).equals("ignore"),
                settings.kafka());
    }
}
