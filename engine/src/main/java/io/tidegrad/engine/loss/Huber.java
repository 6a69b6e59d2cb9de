package io.tidegrad.engine.loss;

/// d² / 2 where |d| = |p - y| ≤ δ, else δ (|d| - δ / 2): squared for small errors, absolute for outliers. P. J. Huber,
/// Robust Estimation of a Location Parameter, 1964; PyTorch's `HuberLoss`.
public record Huber(double delta) implements ElementwiseLoss {
    public Huber {
        if (!(delta > 0 && (float) delta > 0 && Float.isFinite((float) delta))) {
            throw new IllegalArgumentException("delta: expected a number above 0, found " + delta);
        }
    }

    @Override
    public double loss(float z, float label, int column) {
        double distance = Math.abs((double) z - label);
        return distance <= delta ? distance * distance / 2 : delta * (distance - delta / 2);
    }

    /// p - y, clipped to ±δ
    @Override
    public float slope(float prediction, float label, int column) {
        float limit = (float) delta;
        return Math.clamp(prediction - label, -limit, limit);
    }
}
