package io.tidegrad.loadtests.chaos;

import java.util.Locale;

/// What makes one model of many unable to go on, or worth less than it says.
public enum ModelTrouble {
    DIVERGED("its events throw the weights out of all bounds"),
    TOPIC_DELETED("its events topic is deleted"),
    TOPIC_RECREATED("its events topic is deleted and created again"),
    PARTITION_ADDED("its events topic gets a second partition"),
    PAGE_DAMAGED("one bit of a page in its changelog is flipped, then paused and resumed"),
    CHANGELOG_DELETED("its changelog is deleted"),
    RETENTION_OVERTAKEN("events that it has not learned are deleted while it is paused"),
    SNAPSHOTS_DELETED("its snapshots topic is deleted"),
    OFFSETS_ALTERED("its group's offset is set to 0 while it is paused"),
    ONLY_POISON("none of its events can be learned"),
    SPEC_CHANGED("the trainer is stopped and started with another spec under its name");

    private final String what;

    ModelTrouble(String what) {
        this.what = what;
    }

    String what() {
        return what;
    }

    /// Name of the model that it is given to.
    String model() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
