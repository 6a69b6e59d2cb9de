package io.tidegrad.scorer;

/// An answer and where it comes from: made by exactly one version of one model.
///
/// @param epoch raised by rollback or re-creation
/// @param version update count within the epoch
/// @param offset next offset of the log of record: every event before it was seen by this version
/// @param freshnessMs answer time − append time of the newest event in the version; 0 while the trainer says it is
///     caught up; -1 when the version holds no event yet
/// @param probabilities one a class, one alone for binary; values for a regression
public record Prediction(String model, int epoch, long version, long offset, long freshnessMs, float[] probabilities) {
}
