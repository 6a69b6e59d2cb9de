package io.tidegrad.scorer;

/// Predictions for several events, all by the same version; see `Prediction`.
///
/// @param outputs how many numbers a prediction has
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
