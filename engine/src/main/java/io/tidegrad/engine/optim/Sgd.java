package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;

/// w -= rate g.
public record Sgd(double rate) implements Optimizer {
    public Sgd {
        if (!(rate >= 0 && rate <= Float.MAX_VALUE)) {
            throw new IllegalArgumentException("sgd: expected a rate of at least 0, found " + rate);
        }
    }

    @Override
    public int stateParts() {
        return 0;
    }

    @Override
    public void prepare(long t, OptimizerStep step) {
        step.kind = OptimizerStep.Kind.SGD;
        step.rate = (float) rate;
    }
}
