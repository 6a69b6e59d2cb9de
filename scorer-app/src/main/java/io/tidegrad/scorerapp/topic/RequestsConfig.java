package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;

/// Everything that scoring from topic to topic is told.
///
/// @param topics of ours: whose dead letters, and which topic of requests may be created
/// @param requests the topic that is answered
/// @param predictions where answers go
/// @param deadLetterRetention of the dead-letter topic if it is created, ms; -1 for ever
/// @param group of all processes that share `requests`
public record RequestsConfig(Topics topics, String requests, String predictions, String group, KafkaSettings kafka,
        RegistrySettings registry, long deadLetterRetention) {
    String deadLetters() {
        return topics.deadLetters();
    }
}
