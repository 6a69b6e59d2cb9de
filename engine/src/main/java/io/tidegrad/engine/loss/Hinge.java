package io.tidegrad.engine.loss;

/// max(0, 1 - y p), y = -1 or 1: the loss of the support vector machine. C. Cortes, V. Vapnik, Support-Vector Networks,
/// 1995.
public record Hinge() implements ElementwiseLoss {
    @Override
    public double loss(float z, float label, int column) {
        return Math.abs(label) == 1 ? Math.max(0, 1 - (double) label * z) : Double.NaN;
    }

    /// -y if y p < 1, else 0
    @Override
    public float slope(float prediction, float label, int column) {
        return label * prediction < 1 ? -label : 0;
    }
}
