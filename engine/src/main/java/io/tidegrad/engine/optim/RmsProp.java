package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.List;

/// Tieleman & Hinton 2012 (Neural Networks for Machine Learning, lecture 6.5), in PyTorch's form: s is the running mean
/// of g², u = g / (sqrt(s) + epsilon), w -= rate u. State per weight: s, then a if `centered`, then b if `momentum` is
/// above 0.
///
/// @param alpha decay factor of the running means s and a
/// @param centered whether v = s - a² takes the place of s, with a the running mean of g (Graves 2013): an estimate of
///     g's variance. If rounding makes it negative, 0 is used
/// @param momentum above 0: b = momentum b + u and w -= rate b
public record RmsProp(double rate, double alpha, double epsilon, boolean centered,
        double momentum) implements Optimizer {
    private static final List<String> STATE = List.of("square_avg");
    private static final List<String> STATE_CENTERED = List.of("square_avg", "grad_avg");
    private static final List<String> STATE_MOMENTUM = List.of("square_avg", "momentum_buffer");
    private static final List<String> STATE_CENTERED_MOMENTUM = List.of("square_avg", "grad_avg", "momentum_buffer");

    public RmsProp {
        Require.atLeastZero("rmsprop", "a rate", rate);
        Require.fraction("rmsprop", "alpha", alpha);
        // With epsilon 0, a weight whose gradient has always been 0 would get 0 / 0.
        Require.aboveZero("rmsprop", "an epsilon", epsilon);
        Require.fraction("rmsprop", "momentum", momentum);
    }

    @Override
    public List<String> stateNames() {
        if (momentum == 0) {
            return centered ? STATE_CENTERED : STATE;
        }
        return centered ? STATE_CENTERED_MOMENTUM : STATE_MOMENTUM;
    }

    @Override
    public RmsProp withRate(double rate) {
        return new RmsProp(rate, alpha, epsilon, centered, momentum);
    }

    @Override
    public void prepare(long t, OptimizerStep step) {
        if (momentum == 0) {
            step.kind = centered ? OptimizerStep.Kind.RMSPROP_CENTERED : OptimizerStep.Kind.RMSPROP;
        } else {
            step.kind = centered ? OptimizerStep.Kind.RMSPROP_CENTERED_MOMENTUM : OptimizerStep.Kind.RMSPROP_MOMENTUM;
        }
        step.beta2 = (float) alpha;
        step.oneMinusBeta2 = (float) (1 - alpha);
        step.epsilon = (float) epsilon;
        step.momentum = (float) momentum;
    }
}
