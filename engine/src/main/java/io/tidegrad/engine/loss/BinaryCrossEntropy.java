package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.ScalarMath;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// -ω y ln p - (1 - y) ln(1 - p) with p = 1 / (1 + e^-z), computed from the logit z, so that it doesn't overflow; y is
/// 0, 1 or a probability. PyTorch's `BCEWithLogitsLoss`.
///
/// @param positiveWeights ω, the weight of a positive label, one per column or one for all; empty for 1
public record BinaryCrossEntropy(List<Double> positiveWeights) implements ElementwiseLoss {
    public BinaryCrossEntropy {
        positiveWeights = List.copyOf(positiveWeights);
        if (!positiveWeights.stream().allMatch(w -> w >= 0 && Float.isFinite(w.floatValue()))) {
            throw new IllegalArgumentException(
                    "positive weights: expected numbers from 0 on, found " + positiveWeights);
        }
    }

    /// A loss in which positive labels have weight 1.
    public BinaryCrossEntropy() {
        this(List.of());
    }

    @Override
    public Link link() {
        return Link.LOGIT;
    }

    @Override
    public @Nullable String mismatch(int lines, int width) {
        int weights = positiveWeights.size();
        return weights <= 1 || weights == width ? null
                : "expected as many outputs of the network as positive weights, " + weights + ", found " + width;
    }

    private double weight(int column) {
        return switch (positiveWeights.size()) {
            case 0 -> 1;
            case 1 -> positiveWeights.getFirst();
            default -> positiveWeights.get(column);
        };
    }

    /// (1 - y) z + (1 + (ω - 1) y) (ln(1 + e^-|z|) + max(-z, 0)); if ω = 1: max(z, 0) - z y + ln(1 + e^-|z|).
    @Override
    public double loss(float z, float label, int column) {
        if (!(label >= 0 && label <= 1)) {
            return Double.NaN;
        }
        float rest = ScalarMath.log1p(ScalarMath.exp(-Math.abs(z)));
        if (positiveWeights.isEmpty()) {
            return Math.max(z, 0) - z * label + rest;
        }
        double y = label;
        return (1 - y) * z + (1 + (weight(column) - 1) * y) * (rest + Math.max(-z, 0));
    }

    /// p - y if ω = 1, else (1 - y) p - ω y (1 - p)
    @Override
    public float slope(float prediction, float label, int column) {
        if (positiveWeights.isEmpty()) {
            return prediction - label;
        }
        double p = prediction;
        double y = label;
        return (float) ((1 - y) * p - weight(column) * y * (1 - p));
    }
}
