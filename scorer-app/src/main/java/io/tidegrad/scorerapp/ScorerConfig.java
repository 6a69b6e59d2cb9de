package io.tidegrad.scorerapp;

import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.scorerapp.topic.RequestsConfig;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The configuration of a scorer.
///
/// @param models names of the served models, at least one
/// @param topicPrefix prefix of the names of our topics
/// @param registry null if none is configured
/// @param requests scoring from topic to topic; null if it is off
/// @param logs of what is served
public record ScorerConfig(List<String> models, String topicPrefix, ServerConfig server, SnapshotsConfig snapshots,
        KafkaSettings kafka, @Nullable RegistrySettings registry, @Nullable RequestsConfig requests, LogConfig logs) {
    public ScorerConfig {
        models = List.copyOf(models);
    }

    /// @throws SettingsException with every mistake
    public static ScorerConfig parse(List<String> arguments, Map<String, String> environment) {
        return of(Settings.read(ScorerSettings.SCORER, Commands.of(ScorerSettings.SCORER), arguments, environment));
    }

    /// @throws SettingsException with every mistake
    static ScorerConfig of(Settings settings) {
        SnapshotsConfig snapshots = SnapshotsConfig.of(settings);
        LogConfig logs = LogConfig.of(settings);
        RequestsConfig requests = requests(settings, logs);
        // This comes last, because it refuses the mistakes that all have found.
        ServerConfig server = ServerConfig.of(settings);
        return new ScorerConfig(settings.list(CommonSettings.MODEL), settings.text(CommonSettings.PREFIX), server,
                snapshots, settings.kafka(),
                settings.text(CommonSettings.REGISTRY_URL).isEmpty() ? null : settings.registry(), requests, logs);
    }

    private static @Nullable RequestsConfig requests(Settings settings, LogConfig logs) {
        String requests = settings.text(ScorerSettings.REQUESTS_TOPIC);
        if (requests.isEmpty()) {
            return null;
        }
        Topics topics = new Topics(settings.text(CommonSettings.PREFIX));
        String predictions = given(settings, ScorerSettings.PREDICTIONS_TOPIC, topics.predictions());
        if (Stream.of(requests, predictions, topics.deadLetters()).distinct().count() < 3) {
            settings.problem("--requests-topic, --predictions-topic: expected two topics, and neither of them "
                    + topics.deadLetters() + ", found " + requests + " and " + predictions
                    + ": answers would be taken for requests");
        }
        for (String topic : logs.topics().values()) {
            if (Set.of(requests, predictions, topics.deadLetters()).contains(topic)) {
                settings.problem("--log-topic: expected a topic of its own, found " + topic
                        + ", which has requests, predictions or dead letters");
            }
        }
        if (settings.text(CommonSettings.REGISTRY_URL).isEmpty()) {
            settings.problem(
                    "--registry-url: expected beside --requests-topic, found none: the registry has the schemas of requests");
        }
        return new RequestsConfig(topics, requests, predictions, logs.topics(),
                given(settings, ScorerSettings.REQUESTS_GROUP, topics.requestsGroup()), settings.kafka(),
                settings.registry(), settings.retentionMillis(CommonSettings.DEAD_LETTER_RETENTION));
    }

    private static String given(Settings settings, Setting setting, String otherwise) {
        String given = settings.text(setting);
        return given.isEmpty() ? otherwise : given;
    }
}
