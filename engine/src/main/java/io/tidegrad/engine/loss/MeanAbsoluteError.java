package io.tidegrad.engine.loss;

/// |p - y|: its minimum is the median. PyTorch's `L1Loss`.
public record MeanAbsoluteError() implements ElementwiseLoss {
    @Override
    public double loss(float z, float label, int column) {
        return Math.abs((double) z - label);
    }

    /// The sign of p - y, 0 where they are equal.
    @Override
    public float slope(float prediction, float label, int column) {
        return Math.signum(prediction - label);
    }
}
