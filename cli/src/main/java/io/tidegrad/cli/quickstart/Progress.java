package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.localstack.streams.ShippedStream;

/// One look at a running stream. NaN where there is nothing to tell yet.
///
/// @param sent events that the broker has taken
/// @param baseline after as many events as the trainer's report
/// @param servedVersion -1 while the scorer serves none
/// @param freshnessMillis age of what the scorer's answers know, as it tells it; NaN while it serves none
record Progress(ShippedStream stream, double seconds, long sent, long total, double eventsPerSecond,
        TrainerHealth trainer, BaselineRun.Score baseline, long servedVersion, double freshnessMillis) {
}
