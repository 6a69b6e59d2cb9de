package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.List;

/// Loshchilov & Hutter 2019, algorithm 2, as PyTorch writes it: w *= 1 - rate weightDecay, then a step of `adam`. The
/// decay is decoupled: it takes no part in m and v, so that weights with large gradients decay as fast as those with
/// small ones, unlike with the L2 penalty of a `Regularization` under Adam. Biases decay too. Its state is that of
/// `adam`.
public record AdamW(Adam adam, double weightDecay) implements Optimizer {
    public AdamW {
        Require.atLeastZero("adamw", "a weight decay", weightDecay);
    }

    @Override
    public List<String> stateNames() {
        return adam.stateNames();
    }

    @Override
    public double rate() {
        return adam.rate();
    }

    @Override
    public AdamW withRate(double rate) {
        return new AdamW(adam.withRate(rate), weightDecay);
    }

    @Override
    public void prepare(long t, OptimizerStep step) {
        adam.prepare(t, step);
        step.kind = adam.amsgrad() ? OptimizerStep.Kind.ADAMW_AMSGRAD : OptimizerStep.Kind.ADAMW;
    }

    @Override
    public void setRate(double rate, OptimizerStep step) {
        adam.setRate(rate, step);
        step.keep = (float) (1 - rate * weightDecay);
    }
}
