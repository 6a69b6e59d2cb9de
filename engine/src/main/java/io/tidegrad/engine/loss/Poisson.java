package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.ScalarMath;

/// The negative log-likelihood of a count y ≥ 0 under a Poisson distribution, without its term ln y!, which does not
/// depend on the weights. With `logInput` the network's output z is the logarithm of the rate, the loss is e^z - y z
/// and the prediction e^z, which is held to the largest float; without it the output is the rate p, and the loss is p - y
/// ln(p + ε). PyTorch's `PoissonNLLLoss`, `full=False`.
///
/// @param epsilon ε, only used without `logInput`
public record Poisson(boolean logInput, double epsilon) implements ElementwiseLoss {
    public Poisson {
        if (!(epsilon >= 0 && Float.isFinite((float) epsilon))) {
            throw new IllegalArgumentException("epsilon: expected a number from 0 on, found " + epsilon);
        }
    }

    /// A loss whose input is the logarithm of the rate.
    public Poisson() {
        this(true, 0);
    }

    @Override
    public Link link() {
        return logInput ? Link.LOG : Link.IDENTITY;
    }

    @Override
    public double loss(float z, float label, int column) {
        if (!(label >= 0)) {
            return Double.NaN;
        }
        double y = label;
        return logInput ? Link.rate(z) - y * z : z - y * ScalarMath.log((float) (z + epsilon));
    }

    /// With respect to z = ln p: p - y; with respect to p: 1 - y / (p + ε)
    @Override
    public float slope(float prediction, float label, int column) {
        return logInput ? prediction - label : (float) (1 - label / (prediction + epsilon));
    }
}
