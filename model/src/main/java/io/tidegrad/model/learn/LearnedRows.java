package io.tidegrad.model.learn;

/// Sees each row with what was predicted for it before it was learned, in the order of learning.
@FunctionalInterface
public interface LearnedRows {
    /// The arrays are used again: don't keep them.
    ///
    /// @param predictions of the row, from index `at`; as many as the network's outputs
    /// @param labels of the row, from index `labelAt`; as many as `ModelSpec.labels`
    /// @param loss of the row, without its weight
    /// @param weight how much the row counts
    void learned(float[] predictions, int at, float[] labels, int labelAt, float loss, float weight);
}
