package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.streams.ShippedStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// A condition that `quickstart --exit` requires for status 0.
///
/// @param claim the condition, as in the help
/// @param found the result of the run
record Check(String claim, String found, boolean holds) {
    // Bounds for a whole stream. Measured, for comparison: flights AUC 0.801 (baseline 0.767) and log loss 0.406, digits
    // 0.843 and 0.885 over the last 2,000.
    static final double FLIGHTS_AUC_MIN = 0.7909;
    static final double FLIGHTS_LOG_LOSS_MAX = 0.4133;
    static final double DIGITS_ACCURACY_MIN = 0.80;
    static final double DIGITS_ACCURACY_LAST_2000_MIN = 0.87;
    static final int FLIGHTS_SNAPSHOTS_LOADED_MIN = 20;
    static final int DIGITS_SNAPSHOTS_LOADED_MIN = 5;
    static final int FRESHNESS_MILLIS_P99_MAX = 2_000;

    /// Returns the conditions for every run: nothing is lost or counted twice, and all bits are equal.
    static List<Check> ofCorrectness(Outcome run, long sent) {
        return List.of(new Check("every event is in the topic", run.events() + " of " + sent, run.events() == sent),
                new Check(
                        "every event is learned exactly once: events = learned + pending + dead letters, the last two 0",
                        "%d = %d + %d + %d".formatted(run.events(), run.learned(), run.pending(), run.deadLetters()),
                        run.events() == run.learned() && run.pending() == 0 && run.deadLetters() == 0),
                new Check("weights-hash equal: trainer, scorer, replay",
                        run.weightsHashTrainer() + ", " + run.weightsHashScorer() + ", " + run.weightsHashReplay(),
                        run.weightsHashesEqual()),
                new Check("state-hash equal: trainer, replay", run.stateHashTrainer() + ", " + run.stateHashReplay(),
                        run.stateHashesEqual()));
    }

    /// Returns the conditions for a whole stream at any pace.
    static List<Check> ofLearning(Outcome run, ShippedStream stream) {
        List<Check> checks = new ArrayList<>();
        switch (stream) {
            case FLIGHTS -> {
                checks.add(atLeast("AUC", run.auc(), FLIGHTS_AUC_MIN));
                checks.add(atLeast("AUC, against the baseline's,", run.auc(), run.baselineAuc()));
                checks.add(atMost("log loss", run.logLoss(), FLIGHTS_LOG_LOSS_MAX));
            }
            case DIGITS -> {
                checks.add(atLeast("accuracy", run.accuracy(), DIGITS_ACCURACY_MIN));
                checks.add(
                        atLeast("accuracy over the last 2,000", run.accuracyLast2000(), DIGITS_ACCURACY_LAST_2000_MIN));
            }
        }
        checks.add(new Check("log loss below the running prior's",
                number(run.logLoss()) + ", prior " + number(run.priorLogLoss()), run.logLoss() < run.priorLogLoss()));
        return checks;
    }

    /// Returns the conditions for a whole stream at its own pace. At another pace a backlog may be intended.
    static List<Check> ofServing(Outcome run, ShippedStream stream) {
        int loaded = switch (stream) {
            case FLIGHTS -> FLIGHTS_SNAPSHOTS_LOADED_MIN;
            case DIGITS -> DIGITS_SNAPSHOTS_LOADED_MIN;
        };
        return List.of(
                new Check("snapshots loaded at least " + loaded, String.valueOf(run.snapshotsLoaded()),
                        run.snapshotsLoaded() >= loaded),
                new Check("event to admitted, p99 at most " + FRESHNESS_MILLIS_P99_MAX + " ms",
                        String.format(Locale.ROOT, "%.0f ms", run.freshnessMillisP99()),
                        run.freshnessMillisP99() <= FRESHNESS_MILLIS_P99_MAX));
    }

    private static Check atLeast(String measure, double found, double bound) {
        return new Check(measure + " at least " + number(bound), number(found), found >= bound);
    }

    private static Check atMost(String measure, double found, double bound) {
        return new Check(measure + " at most " + number(bound), number(found), found <= bound);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.4f", value);
    }
}
