package io.tidegrad.replay;

import io.tidegrad.model.evaluation.LossComparison;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import org.jspecify.annotations.Nullable;

/// The model that the log gives: `events = learned + pending + deadLetters`.
///
/// @param model the name by which it was learned
/// @param startOffset offset of the first event
/// @param events visible records without ticks
/// @param learned rows that changed the weights
/// @param pending rows of the unfinished mini-batch
/// @param deadLetters events that can't be learned
/// @param ticks records that only end a mini-batch
/// @param version the number of updates
/// @param nextOffset the offset after the last visible record
/// @param weightsHash 64 hex digits, of the weights that a scorer serves
/// @param stateHash 64 hex digits, of weights, optimizer state and pending rows
/// @param evaluation progressive: every row was scored before it was learned
/// @param compared another model on the same events; null unless asked for
/// @param kept as what it was kept; null if it was not
/// @param nanos time of reading, decoding and learning
public record ReplayResult(String model, long startOffset, long events, long learned, long pending, long deadLetters,
        long ticks, long version, long nextOffset, String weightsHash, String stateHash,
        ProgressiveEvaluation evaluation, @Nullable Compared compared, @Nullable Kept kept, long nanos) {
    /// The model that a result has become.
    ///
    /// @param resumeOffset offset of the first event that its trainer will learn
    /// @param paused whether it waits until it is resumed
    public record Kept(int epoch, long resumeOffset, boolean paused) {
    }

    /// A model that learned the same events for comparison.
    ///
    /// @param version the number of its updates at the end
    /// @param losses how the result's model compares with this one; null if their predictions are of different kinds
    public record Compared(String model, long version, ProgressiveEvaluation evaluation,
            LossComparison.@Nullable Result losses) {
    }
}
