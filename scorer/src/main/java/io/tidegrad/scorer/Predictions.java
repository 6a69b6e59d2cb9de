package io.tidegrad.scorer;

/// Answers to several events, all by the same version; see `Prediction`.
///
/// @param outputs width of one answer
/// @param probabilities shape (events, outputs), row-major
public record Predictions(String model, int epoch, long version, long offset, long freshnessMs, int outputs,
        float[] probabilities) {
    public int size() {
        return probabilities.length / outputs;
    }

    public float probability(int event, int output) {
        return probabilities[event * outputs + output];
    }
}
