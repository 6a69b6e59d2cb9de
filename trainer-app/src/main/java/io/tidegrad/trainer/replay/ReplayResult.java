package io.tidegrad.trainer.replay;

import io.tidegrad.model.learn.ProgressiveEvaluation;

/// What the log says the model is: `events = learned + pending + deadLetters`.
///
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
/// @param nanos reading, decoding and learning, without start-up
public record ReplayResult(
        long events,
        long learned,
        long pending,
        long deadLetters,
        long ticks,
        long version,
        long nextOffset,
        String weightsHash,
        String stateHash,
        ProgressiveEvaluation evaluation,
        long nanos) {}
