package io.tidegrad.engine.testing;

import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.AdamW;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.FtrlProximal;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.RmsProp;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.optim.StreamRms;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/// Clipping, regularization and the optimizers again, in doubles, straight from the formulas: an oracle for updates. It
/// holds its own weights and state, tensor name → row-major values.
public final class DoubleOptimizer {
    private final NetworkSpec spec;
    public final Map<String, double[]> weights = new HashMap<>();
    private final Map<String, double[]> first = new HashMap<>();
    private final Map<String, double[]> second = new HashMap<>();
    private final Map<String, double[]> third = new HashMap<>();
    private final ToDoubleFunction<String> rateFactors;
    private int t;

    /// @param rateFactors tensor → by what its rate is multiplied; 0 if it is frozen
    public DoubleOptimizer(NetworkSpec spec, Map<String, float[]> initial, ToDoubleFunction<String> rateFactors) {
        this.spec = spec;
        this.rateFactors = rateFactors;
        initial.forEach((name, values) -> {
            double[] w = DoubleNetwork.doubles(values);
            double[] start = new double[w.length];
            if (spec.optimizer() instanceof Adagrad adagrad) {
                Arrays.fill(start, adagrad.initialAccumulator());
            }
            if (spec.optimizer() instanceof FtrlProximal f) {
                // The z of which w is the weight, at n = 0.
                for (int i = 0; i < w.length; i++) {
                    start[i] = -w[i] * (f.beta() / f.alpha() + f.l2()) - Math.signum(w[i]) * f.l1();
                }
            }
            weights.put(name, w);
            first.put(name, start);
            second.put(name, new double[w.length]);
            third.put(name, new double[w.length]);
        });
    }

    /// l1 Σ|w| + l2/2 Σ w²
    public double penalty() {
        double penalty = 0;
        for (String name : weights.keySet()) {
            if (isPenalised(name) && !isFrozen(name)) {
                for (double w : of(weights, name)) {
                    penalty += spec.regularization().l1() * Math.abs(w) + spec.regularization().l2() / 2 * w * w;
                }
            }
        }
        return penalty;
    }

    private boolean isPenalised(String name) {
        return spec.regularization().scope() == Regularization.Scope.ALL
                || !name.substring(name.lastIndexOf('.') + 1).contains("bias");
    }

    private boolean isFrozen(String name) {
        return rateFactors.applyAsDouble(name) == 0;
    }

    private static double[] of(Map<String, double[]> values, String name) {
        return Objects.requireNonNull(values.get(name));
    }

    /// One step.
    ///
    /// @param gradients of the loss
    /// @param untouched tensor → indices that no gradient reaches and no step changes
    public void step(Map<String, float[]> gradients, Map<String, Set<Integer>> untouched) {
        t++;
        double squares = 0;
        for (Map.Entry<String, float[]> entry : gradients.entrySet()) {
            if (!isFrozen(entry.getKey())) {
                for (float g : entry.getValue()) {
                    squares += (double) g * g;
                }
            }
        }
        double norm = Math.sqrt(squares);
        gradients.forEach((name, values) -> {
            if (isFrozen(name)) {
                return;
            }
            Set<Integer> left = untouched.getOrDefault(name, Set.of());
            for (int i = 0; i < values.length; i++) {
                if (!left.contains(i)) {
                    update(name, i, clipped(values[i], norm));
                }
            }
        });
    }

    private double clipped(double g, double norm) {
        return switch (spec.clipping()) {
            case Clipping.None none -> g;
            case Clipping.Value(double limit) -> Math.clamp(g, -limit, limit);
            case Clipping.GlobalNorm(double max) -> g * Math.min(1, max / (norm + 1e-6));
        };
    }

    private void update(String name, int i, double clipped) {
        double[] w = of(weights, name);
        double[] a = of(first, name);
        double[] b = of(second, name);
        Regularization regularization = spec.regularization();
        double g = isPenalised(name) ? clipped + regularization.l1() * Math.signum(w[i]) + regularization.l2() * w[i]
                : clipped;
        double[] c = of(third, name);
        Optimizer optimizer = spec.optimizer();
        double rate = DoubleSchedule.rate(spec.schedule(), optimizer.rate(), t - 1);
        rate *= rateFactors.applyAsDouble(name);
        switch (optimizer) {
            case Sgd(double base, double momentum, boolean nesterov) -> {
                a[i] = t == 1 ? g : momentum * a[i] + g;
                w[i] -= rate * (nesterov ? g + momentum * a[i] : a[i]);
            }
            case Adagrad(double base, double epsilon, double initial) -> {
                a[i] += g * g;
                w[i] -= rate * g / (Math.sqrt(a[i]) + epsilon);
            }
            case RmsProp(double base, double alpha, double epsilon, boolean centered, double momentum) -> {
                a[i] = alpha * a[i] + (1 - alpha) * g * g;
                b[i] = alpha * b[i] + (1 - alpha) * g;
                double v = centered ? a[i] - b[i] * b[i] : a[i];
                c[i] = momentum * c[i] + g / (Math.sqrt(v) + epsilon);
                w[i] -= rate * c[i];
            }
            case Adam adam -> adam(adam, rate, g, w, a, b, c, i);
            case AdamW(Adam adam, double weightDecay) -> {
                w[i] *= 1 - rate * weightDecay;
                adam(adam, rate, g, w, a, b, c, i);
            }
            case StreamRms(double base, double floor, double decay, double alpha, double epsilon, double pull) -> {
                a[i] = alpha * a[i] + (1 - alpha) * g * g;
                double scheduled = rate / base;
                double r = scheduled * Math.max(floor, base / Math.sqrt(1 + (t - 1) / decay));
                double move = r * g / (Math.sqrt(a[i] / (1 - Math.pow(alpha, t))) + epsilon) + r * pull * b[i];
                w[i] -= move;
                b[i] -= move;
            }
            case FtrlProximal(double alpha, double beta, double l1, double l2) -> {
                double sigma = (Math.sqrt(b[i] + g * g) - Math.sqrt(b[i])) / alpha;
                a[i] += g - sigma * w[i];
                b[i] += g * g;
                double shrunk = Math.max(Math.abs(a[i]) - l1, 0) * Math.signum(a[i]);
                w[i] = -shrunk / ((beta + Math.sqrt(b[i])) / alpha + l2);
            }
        }
    }

    private void adam(Adam adam, double rate, double g, double[] w, double[] a, double[] b, double[] c, int i) {
        a[i] = adam.beta1() * a[i] + (1 - adam.beta1()) * g;
        b[i] = adam.beta2() * b[i] + (1 - adam.beta2()) * g * g;
        c[i] = Math.max(c[i], b[i]);
        double m = a[i] / (1 - Math.pow(adam.beta1(), t));
        double v = (adam.amsgrad() ? c[i] : b[i]) / (1 - Math.pow(adam.beta2(), t));
        w[i] -= rate * m / (Math.sqrt(v) + adam.epsilon());
    }
}
