package io.tidegrad.engine.loss;

/// (p - y)². PyTorch's `MSELoss`.
public record MeanSquaredError() implements ElementwiseLoss {
    @Override
    public double loss(float z, float label, int column) {
        double difference = (double) z - label;
        return difference * difference;
    }

    /// 2 (p - y)
    @Override
    public float slope(float prediction, float label, int column) {
        return 2 * (prediction - label);
    }
}
