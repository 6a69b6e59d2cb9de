package io.tidegrad.loadtests;

import java.time.Duration;

/// @param weights of the model, at least; the table of its cross feature takes what the rest leaves
/// @param eventsPerSecond sent, evenly
/// @param opening while the compilers work, before the window
/// @param window that is measured
/// @param publishEvery a snapshot at most
/// @param commitMillis between two commits; 0 for the trainer's own choice
/// @param backlog events that lie ready at the end, to see how many a second are learned; 0 for none
/// @param json one line of JSON instead of text for people
public record FreshnessOptions(long weights, double eventsPerSecond, Duration opening, Duration window,
        Duration publishEvery, int commitMillis, int backlog, boolean json) {
    private static final long WEIGHTS_MAX = 1L << 28;
    private static final double RATE_MAX = 1_000_000;
    private static final long EVENTS_MAX = 50_000_000;

    public FreshnessOptions {
        Limits.require("--weights", weights, 2_000, WEIGHTS_MAX);
        Limits.require("--rate", eventsPerSecond, 0.1, RATE_MAX);
        Limits.require("opening", opening.toSeconds(), 0, 3_600);
        Limits.require("--seconds", window.toSeconds(), 1, 3_600);
        Limits.require("--publish-ms", publishEvery.toMillis(), 10, 60_000);
        Limits.require("--commit-ms", commitMillis, 0, 60_000);
        Limits.require("--backlog", backlog, 0, EVENTS_MAX);
        Limits.require("--rate x --seconds", eventsPerSecond * window.toSeconds(), 1, EVENTS_MAX);
    }
}
