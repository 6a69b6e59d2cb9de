package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.localstack.streams.ShippedStream;

/// The state of a running stream at one moment.
///
/// @param sent number of events that the broker has acknowledged
/// @param baseline score after as many events as in the trainer's report
/// @param servedVersion -1 while the scorer serves none
/// @param freshnessMillis freshness that the scorer reports; NaN while it serves none
record Progress(ShippedStream stream, double seconds, long sent, long total, double eventsPerSecond,
        TrainerHealth trainer, BaselineRun.Score baseline, long servedVersion, double freshnessMillis) {
}
