package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.util.Map;

/// The configuration of scoring from topic to topic.
///
/// @param topics names of our topics: the topic of dead letters, and the default topic of requests, which may be
///     created
/// @param requests topic of requests
/// @param predictions topic of predictions
/// @param deadLetterRetention retention of the topic of dead letters if it is created, ms; -1 for ever
/// @param logs topic of the log of what is served, by the name that requests give
/// @param group consumer group of all processes that share `requests`
public record RequestsConfig(Topics topics, String requests, String predictions, Map<String, String> logs, String group,
        KafkaSettings kafka, RegistrySettings registry, long deadLetterRetention) {
    public RequestsConfig {
        logs = Map.copyOf(logs);
    }

    String deadLetters() {
        return topics.deadLetters();
    }
}
