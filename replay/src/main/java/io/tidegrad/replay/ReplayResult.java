package io.tidegrad.replay;

import io.tidegrad.model.learn.ProgressiveEvaluation;
import org.jspecify.annotations.Nullable;

/// What the log says the model is: `events = learned + pending + deadLetters`.
///
/// @param model by whose name it was learned
/// @param startOffset of the first event
/// @param events visible records read, ticks not counted
/// @param learned rows that changed the weights
/// @param pending rows of the unfinished mini-batch
/// @param deadLetters events that can't be learned
/// @param ticks records that only end a mini-batch
/// @param version the model's update count
/// @param nextOffset exclusive: one past the last visible record read
/// @param weightsHash 64 hex digits; what a scorer recomputes from the weights it serves
/// @param stateHash 64 hex digits; weights, optimizer state and pending rows
/// @param evaluation progressive: every row was scored before it was learned
/// @param compared another model on the same events; null unless asked for
/// @param kept whether it is a model of its own now, that a trainer goes on with
/// @param nanos reading, decoding and learning, without start-up
public record ReplayResult(String model, long startOffset, long events, long learned, long pending, long deadLetters,
        long ticks, long version, long nextOffset, String weightsHash, String stateHash,
        ProgressiveEvaluation evaluation, @Nullable Compared compared, boolean kept, long nanos) {
    /// A model that learned beside, scored over the same records.
    ///
    /// @param version its update count at the end
    public record Compared(String model, long version, ProgressiveEvaluation evaluation) {
    }
}
