package io.tidegrad.scorer;

/// Predictions for several events, all by the same version; see `Prediction`.
///
/// @param outputs how many numbers a prediction has: of a label that is a list, those of all steps, step after step
/// @param numbers of each event, how many of these say something: fewer if it has fewer steps. The others are 0
/// @param probabilities shape (events, outputs), row-major
/// @param memberOutputs what the members of the model's mixture gave the events, row-major; empty without a mixture, or
///     where nobody asked
public record Predictions(String model, int epoch, long version, long offset, long freshnessMs, int outputs,
        int[] numbers, float[] probabilities, float[] memberOutputs) {
    public Predictions(String model, int epoch, long version, long offset, long freshnessMs, int outputs, int[] numbers,
            float[] probabilities) {
        this(model, epoch, version, offset, freshnessMs, outputs, numbers, probabilities, new float[0]);
    }

    public int size() {
        return numbers.length;
    }

    public float probability(int event, int output) {
        return probabilities[event * outputs + output];
    }
}
