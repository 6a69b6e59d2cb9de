package io.tidegrad.model.evaluation;

/// A mean in which a value of t events ago counts factor^t, after Gama, Sebastião and Rodrigues (2013): S = x + a·S,
/// B = 1 + a·B, and the mean is S / B. About 1 / (1 - a) events are remembered.
public final class FadingMean {
    private final double factor;
    private double sum;
    private double weight;

    /// @param factor above 0, at most 1; 1 forgets nothing
    public FadingMean(double factor) {
        if (!(factor > 0 && factor <= 1)) {
            throw new IllegalArgumentException("expected a fading factor above 0, at most 1, found " + factor);
        }
        this.factor = factor;
    }

    public void add(double value) {
        add(value, 1);
    }

    public void add(double value, double valueWeight) {
        sum = valueWeight * value + factor * sum;
        weight = valueWeight + factor * weight;
    }

    /// Returns the mean; NaN before the first value.
    public double value() {
        return sum / weight;
    }
}
