package io.tidegrad.scorer;

import io.tidegrad.model.stream.Served;

/// A prediction and its origin: exactly one version of one model.
///
/// @param epoch increases with a rollback and when the model is created again
/// @param version update count within the epoch
/// @param offset next offset of the log of record: this version has seen every event before it
/// @param freshnessMs time of scoring minus append time of the newest event in the version; 0 while the trainer reports
///     that it has caught up; -1 if unknown, for instance because the version holds no event yet
/// @param probabilities one for each class, a single one for binary classification; values for a regression; of a label
///     that is a list, those of the event's first step, then those of the next
/// @param memberOutputs what the members of the model's mixture gave the event; empty without a mixture
public record Prediction(String model, int epoch, long version, long offset, long freshnessMs, float[] probabilities,
        float[] memberOutputs) {
    /// Returns it for a log of what was served, as the answer of the live model.
    ///
    /// @param time of the answer, in epoch milliseconds
    public Served served(long time) {
        return new Served(model, epoch, version, offset, time, Served.Stage.LIVE, null, probabilities, memberOutputs);
    }
}
