package io.tidegrad.replay.backtest;

import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.model.evaluation.EstimatedPerformance;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.feature.Rejection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What became of one model: `rows = learned + pending + rejected`.
///
/// @param rows rows of the file, of all passes
/// @param learned rows that changed the weights
/// @param pending rows of the unfinished mini-batch
/// @param updates how many mini-batches were learned
/// @param reasons why rows can't be learned, each with their number
/// @param firstRejected the first of them, as they were met
/// @param passes evaluation of each pass; only of the first one were the rows new
/// @param progress at powers of two
/// @param curve of the first pass
/// @param calibration of the first pass
/// @param alarms the first ones of the first pass
/// @param raised how many there were
/// @param labelsOut of the first pass, of the rows whose labels were out when it ended: what was to be expected of their
///     predictions, and what became of them; null without late labels, or where there is no estimate
/// @param diverged why learning ended before the file did; null if it did not
/// @param classes names of the classes, each at its index; empty if they have none
/// @param weightsHash 64 hex digits, those that a trainer publishes after the same events
/// @param stateHash likewise
/// @param nanos for reading and learning, of all trials together
public record BacktestResult(Backtest.Trial trial, long rows, long learned, int pending, long updates,
        Map<Rejection.Reason, Long> reasons, List<Rejected> firstRejected, List<ProgressiveEvaluation> passes,
        List<ProgressRow> progress, LossCurve curve, CalibrationSample calibration, List<Alarm> alarms, long raised,
        EstimatedPerformance.@Nullable Comparison labelsOut, @Nullable String diverged, List<String> classes,
        String weightsHash, String stateHash, long nanos) {
    /// A row that can't be learned.
    ///
    /// @param place its line, or its number
    public record Rejected(long place, Rejection why) {
    }

    /// Something is not what it has been.
    ///
    /// @param example how many were learned when it was told
    public record Alarm(long example, ChangeAlarm.Reading reading) {
    }

    /// How many rows can't be learned.
    public long rejected() {
        return reasons.values().stream().mapToLong(Long::longValue).sum();
    }

    /// Of the first pass.
    public ProgressiveEvaluation evaluation() {
        return passes.getFirst();
    }

    /// The loss by which trials are compared; infinite after a divergence.
    public double loss() {
        double loss = diverged == null ? Headline.of(trial.spec()).loss(evaluation()) : Double.NaN;
        return Double.isNaN(loss) ? Double.POSITIVE_INFINITY : loss;
    }
}
