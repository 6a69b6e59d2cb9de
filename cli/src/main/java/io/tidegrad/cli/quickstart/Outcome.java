package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.Json;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The result of a run. A measure that does not apply to the stream is NaN.
///
/// @param events number of events in the topic, without ticks
/// @param accuracy progressive accuracy; like for all measures, each event is predicted before it is learned
/// @param baselineAuc AUC of `HashedLogisticRegression` over the same events
/// @param freshnessMillisP50 see `Freshness`
/// @param weightsHashScorer hash of the floats that the scorer serves, recomputed by it
/// @param weightsHashReplay hash of a process that knew only the topic and the registered spec
/// @param seconds time since the start of the command
record Outcome(String stream, long events, long learned, long pending, long deadLetters, double accuracy,
        double accuracyLast2000, double logLoss, double priorLogLoss, double auc, double baselineAuc,
        double baselineLogLoss, long snapshotsPublished, long snapshotsLoaded, double freshnessMillisP50,
        double freshnessMillisP99, String weightsHashTrainer, String weightsHashScorer, String weightsHashReplay,
        String stateHashTrainer, String stateHashReplay, double seconds) {
    boolean hashesEqual() {
        return weightsHashesEqual() && stateHashesEqual();
    }

    boolean weightsHashesEqual() {
        return !weightsHashTrainer.isEmpty() && weightsHashTrainer.equals(weightsHashScorer)
                && weightsHashTrainer.equals(weightsHashReplay);
    }

    boolean stateHashesEqual() {
        return !stateHashTrainer.isEmpty() && stateHashTrainer.equals(stateHashReplay);
    }

    /// Returns one line, in which a measure that does not apply is null.
    String toJson() {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("stream", stream);
        line.put("events", events);
        line.put("learned", learned);
        line.put("pending", pending);
        line.put("dead_letters", deadLetters);
        line.put("accuracy", number(accuracy));
        line.put("accuracy_last_2000", number(accuracyLast2000));
        line.put("log_loss", number(logLoss));
        line.put("prior_log_loss", number(priorLogLoss));
        line.put("auc", number(auc));
        line.put("baseline_auc", number(baselineAuc));
        line.put("snapshots_published", snapshotsPublished);
        line.put("snapshots_loaded", snapshotsLoaded);
        line.put("freshness_ms_p50", number(freshnessMillisP50));
        line.put("freshness_ms_p99", number(freshnessMillisP99));
        line.put("weights_hash_trainer", weightsHashTrainer);
        line.put("weights_hash_scorer", weightsHashScorer);
        line.put("weights_hash_replay", weightsHashReplay);
        line.put("state_hash_trainer", stateHashTrainer);
        line.put("state_hash_replay", stateHashReplay);
        line.put("seconds", Math.round(seconds * 10) / 10.0);
        return Json.write(line);
    }

    private static @Nullable Double number(double value) {
        return Double.isFinite(value) ? value : null;
    }
}
