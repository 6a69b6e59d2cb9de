package io.tidegrad.loadtests.chaos;

import io.tidegrad.schemas.Topics;

/// The topics that a trainer and a scorer of one model use.
public enum OurTopic {
    EVENTS, MODELS, CONTROL, CHANGELOG, SNAPSHOTS, PROGRESS, DEAD_LETTERS, REQUESTS, PREDICTIONS;

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
