package io.tidegrad.engine.loss;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// With d = y - p: max(q d, (q - 1) d), whose minimum is the quantile q of y. There is one output per quantile; all are
/// compared with the line's one label. R. Koenker, G. Bassett, Regression Quantiles, 1978.
public record Quantile(List<Double> quantiles) implements ElementwiseLoss {
    public Quantile {
        quantiles = List.copyOf(quantiles);
        if (quantiles.isEmpty() || !quantiles.stream().allMatch(q -> q > 0 && q < 1)) {
            throw new IllegalArgumentException(
                    "quantiles: expected numbers between 0 and 1, at least one, found " + quantiles);
        }
    }

    @Override
    public int labelsOfLine(int width) {
        return 1;
    }

    @Override
    public @Nullable String mismatch(int lines, int width) {
        return width == quantiles.size() ? null
                : "expected an output of the network for each of " + quantiles.size() + " quantile(s), found " + width;
    }

    @Override
    public double loss(float z, float label, int column) {
        double q = quantiles.get(column);
        double d = (double) label - z;
        return Math.max(q * d, (q - 1) * d);
    }

    /// -q if p < y, 1 - q if p > y, their mean if p = y
    @Override
    public float slope(float prediction, float label, int column) {
        double q = quantiles.get(column);
        double middle = 0.5 - q;
        return (float) (middle + 0.5 * Math.signum(prediction - label));
    }
}
