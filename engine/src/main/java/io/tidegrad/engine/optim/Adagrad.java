package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.List;

/// Duchi, Hazan & Singer 2011, diagonal: s is the sum of g², w -= rate g / (sqrt(s) + epsilon), so that weights of rare
/// features keep large steps. State per weight: s, which starts at `initialAccumulator`.
///
/// A table that only updates touched rows gets the same bits as a dense one, because a gradient of 0 changes neither s
/// nor w.
public record Adagrad(double rate, double epsilon, double initialAccumulator) implements Optimizer {
    private static final List<String> STATE = List.of("sum");

    public Adagrad {
        Require.atLeastZero("adagrad", "a rate", rate);
        Require.aboveZero("adagrad", "an epsilon", epsilon);
        Require.atLeastZero("adagrad", "an initial accumulator", initialAccumulator);
    }

    @Override
    public List<String> stateNames() {
        return STATE;
    }

    @Override
    public float initialState(int part, float weight) {
        return (float) initialAccumulator;
    }

    @Override
    public Adagrad withRate(double rate) {
        return new Adagrad(rate, epsilon, initialAccumulator);
    }

    @Override
    public void prepare(long t, OptimizerStep step) {
        step.kind = OptimizerStep.Kind.ADAGRAD;
        step.epsilon = (float) epsilon;
    }
}
