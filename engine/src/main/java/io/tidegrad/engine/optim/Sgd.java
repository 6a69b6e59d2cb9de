package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.List;

/// Stochastic gradient descent: w -= rate b, where b = momentum b + g continues in the direction of the last steps
/// (Polyak 1964); with `nesterov`, w -= rate (g + momentum b) (Sutskever et al. 2013, in PyTorch's form). State per
/// weight: b; none without momentum, where b is g.
public record Sgd(double rate, double momentum, boolean nesterov) implements Optimizer {
    private static final List<String> STATE = List.of("momentum_buffer");

    public Sgd {
        Require.atLeastZero("sgd", "a rate", rate);
        Require.fraction("sgd", "momentum", momentum);
        if (nesterov && momentum == 0) {
            throw new IllegalArgumentException("sgd: expected momentum above 0 for nesterov, found 0");
        }
    }

    /// SGD without momentum.
    public Sgd(double rate) {
        this(rate, 0, false);
    }

    @Override
    public List<String> stateNames() {
        return momentum == 0 ? List.of() : STATE;
    }

    @Override
    public Sgd withRate(double rate) {
        return new Sgd(rate, momentum, nesterov);
    }

    @Override
    public void prepare(long t, OptimizerStep step) {
        step.kind = momentum == 0 ? OptimizerStep.Kind.SGD
                : nesterov ? OptimizerStep.Kind.NESTEROV : OptimizerStep.Kind.MOMENTUM;
        step.momentum = (float) momentum;
    }
}
