package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.List;

/// Kingma & Ba 2015, algorithm 1: m and v as running means of g and g², w -= rate m̂ / (sqrt(v̂) + epsilon), where m̂ =
/// m / (1 - beta1^t) and v̂ = v / (1 - beta2^t) undo their start at 0. State per weight: m, v.
///
/// @param amsgrad whether the largest v so far takes the place of v in v̂ (Reddi, Kale & Kumar 2018, algorithm 2; as in
///     PyTorch, the maximum is taken before the correction): a step never grows because a steep gradient was forgotten.
///     State per weight: m, v, the maximum
public record Adam(double rate, double beta1, double beta2, double epsilon, boolean amsgrad) implements Optimizer {
    private static final List<String> STATE = List.of("exp_avg", "exp_avg_sq");
    private static final List<String> STATE_OF_AMSGRAD = List.of("exp_avg", "exp_avg_sq", "max_exp_avg_sq");

    public Adam {
        Require.atLeastZero("adam", "a rate", rate);
        Require.fraction("adam", "beta1", beta1);
        Require.fraction("adam", "beta2", beta2);
        // With epsilon 0, a weight whose gradient has always been 0 would get 0 / 0.
        Require.aboveZero("adam", "an epsilon", epsilon);
    }

    /// Adam as in the paper, without `amsgrad`.
    public Adam(double rate, double beta1, double beta2, double epsilon) {
        this(rate, beta1, beta2, epsilon, false);
    }

    /// Adam with the paper's beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8.
    public static Adam of(double rate) {
        return new Adam(rate, 0.9, 0.999, 1e-8);
    }

    @Override
    public List<String> stateNames() {
        return amsgrad ? STATE_OF_AMSGRAD : STATE;
    }

    @Override
    public Adam withRate(double rate) {
        return new Adam(rate, beta1, beta2, epsilon, amsgrad);
    }

    @Override
    public void prepare(long t, OptimizerStep step) {
        step.kind = amsgrad ? OptimizerStep.Kind.AMSGRAD : OptimizerStep.Kind.ADAM;
        step.beta1 = (float) beta1;
        step.oneMinusBeta1 = (float) (1 - beta1);
        step.beta2 = (float) beta2;
        step.oneMinusBeta2 = (float) (1 - beta2);
        step.epsilon = (float) epsilon;
        if (Power.isLostIn1(beta1, t) && Power.isLostIn1(beta2, t)) {
            step.momentCorrection = 1;
            step.varianceCorrection = 1;
            return;
        }
        // Computes both powers of `Power.of` together: one after the other, each waits for its own products, and 20
        // squarings take 118 ns instead of 72.
        double power1 = 1;
        double power2 = 1;
        double square1 = beta1;
        double square2 = beta2;
        for (long rest = t; rest > 0; rest >>= 1) {
            if ((rest & 1) != 0) {
                power1 *= square1;
                power2 *= square2;
            }
            square1 *= square1;
            square2 *= square2;
        }
        step.momentCorrection = (float) (1 / (1 - power1));
        step.varianceCorrection = (float) (1 / (1 - power2));
    }
}
