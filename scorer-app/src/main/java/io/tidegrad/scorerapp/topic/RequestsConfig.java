package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;

/// The configuration of scoring from topic to topic.
///
/// @param topics names of our topics: the topic of dead letters, and the default topic of requests, which may be
///     created
/// @param requests topic of requests
/// @param predictions topic of predictions
/// @param deadLetterRetention retention of the topic of dead letters if it is created, ms; -1 for ever
/// @param group consumer group of all processes that share `requests`
public record RequestsConfig(Topics topics, String requests, String predictions, String group, KafkaSettings kafka,
        RegistrySettings registry, long deadLetterRetention) {
    String deadLetters() {
        return topics.deadLetters();
    }
}
