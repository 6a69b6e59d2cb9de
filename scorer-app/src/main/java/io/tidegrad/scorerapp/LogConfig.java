package io.tidegrad.scorerapp;

import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import java.util.LinkedHashMap;
import java.util.Map;

/// The configuration of the logs of what is served.
///
/// @param topics topic of the log, by the name that requests give
/// @param required whether a request is refused when it can't be logged
/// @param bufferBytes how much of each log may wait to be written
record LogConfig(Map<String, String> topics, boolean required, long bufferBytes) {
    static final LogConfig NONE = new LogConfig(Map.of(), false, 0);

    LogConfig {
        topics = Map.copyOf(topics);
    }

    /// @param settings notes every mistake
    static LogConfig of(Settings settings) {
        Map<String, String> topics = new LinkedHashMap<>();
        for (String given : settings.list(ScorerSettings.LOG_TOPIC)) {
            int equals = given.indexOf('=');
            if (equals < 0) {
                continue; // the form of the setting has reported it
            }
            String model = given.substring(0, equals);
            String topic = given.substring(equals + 1);
            if (!settings.list(CommonSettings.MODEL).contains(model)) {
                settings.problem("--log-topic: expected one of --model, "
                        + String.join(", ", settings.list(CommonSettings.MODEL)) + ", found '" + given + "'");
            }
            if (topics.containsValue(topic)) {
                settings.problem("--log-topic: expected a topic for each model, found " + topic
                        + " again: a stream's events are those of one model");
            }
            if (topics.put(model, topic) != null) {
                settings.problem("--log-topic: expected one topic of " + model + ", found another");
            }
        }
        boolean required = settings.text(ScorerSettings.LOG_REQUIRED).equals("true");
        if (required && topics.isEmpty()) {
            settings.problem("--log-required: expected beside --log-topic, found none");
        }
        return new LogConfig(topics, required, settings.numberIfGiven(ScorerSettings.LOG_BUFFER_BYTES).orElse(0));
    }
}
