package io.tidegrad.engine.loss;

/// max(0, 1 - y p), y = -1 or 1: the support vector machine's. C. Cortes, V. Vapnik, Support-Vector Networks, 1995.
public record Hinge() implements Elementwise {
    @Override
    public double loss(float z, float label, int column) {
        return Math.abs(label) == 1 ? Math.max(0, 1 - (double) label * z) : Double.NaN;
    }

    /// -y inside of the margin, 0 on its edge and beyond
    @Override
    public float slope(float prediction, float label, int column) {
        return label * prediction < 1 ? -label : 0;
    }
}
