package io.tidegrad.scorer;

/// Predictions for several events, all by the same version; see `Prediction`.
///
/// @param outputs how many numbers a prediction has: of a label that is a list, those of all steps, step after step
/// @param numbers of each event, how many of these say something: fewer if it has fewer steps. The others are 0
/// @param probabilities shape (events, outputs), row-major
public record Predictions(String model, int epoch, long version, long offset, long freshnessMs, int outputs,
        int[] numbers, float[] probabilities) {
    public int size() {
        return numbers.length;
    }

    public float probability(int event, int output) {
        return probabilities[event * outputs + output];
    }
}
