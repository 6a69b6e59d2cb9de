package io.tidegrad.loadtests.chaos;

import io.tidegrad.schemas.Topics;
import java.util.Locale;

/// The topics that a trainer and a scorer of one model live by.
public enum OurTopic {
    EVENTS, MODELS, CONTROL, CHANGELOG, SNAPSHOTS, PROGRESS, DEAD_LETTERS, REQUESTS, PREDICTIONS;

    /// As on the command line and in the table: `dead-letters`.
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    String of(Topics topics, String model, String events) {
        return switch (this) {
            case EVENTS -> events;
            case MODELS -> topics.models();
            case CONTROL -> topics.control();
            case CHANGELOG -> Topics.changelog(topics.applicationId(model, 1));
            case SNAPSHOTS -> topics.snapshots(model);
            case PROGRESS -> topics.progress();
            case DEAD_LETTERS -> topics.deadLetters();
            case REQUESTS -> topics.requests();
            case PREDICTIONS -> topics.predictions();
        };
    }
}
