package io.tidegrad.engine.testing;

import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Sgd;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/// Clipping, regularization and the optimizers again, in doubles, straight from the formulas: an oracle for updates. It holds
/// its own weights and state, tensor name → row-major values.
public final class DoubleOptimizer {
    private final NetworkSpec spec;
    public final Map<String, double[]> weights = new HashMap<>();
    private final Map<String, double[]> first = new HashMap<>();
    private final Map<String, double[]> second = new HashMap<>();
    private int t;

    public DoubleOptimizer(NetworkSpec spec, Map<String, float[]> initial) {
        this.spec = spec;
        initial.forEach(
                (name, values) -> {
                    double[] w = DoubleNetwork.doubles(values);
                    double[] start = new double[w.length];
                    if (spec.optimizer() instanceof Adagrad adagrad) {
                        Arrays.fill(start, adagrad.initialAccumulator());
                    }
                    weights.put(name, w);
                    first.put(name, start);
                    second.put(name, new double[w.length]);
                });
    }

    /// l1 Σ|w| + l2/2 Σ w²
    public double penalty() {
        double penalty = 0;
        for (String name : weights.keySet()) {
            if (isPenalised(name)) {
                for (double w : of(weights, name)) {
                    penalty +=
                            spec.regularization().l1() * Math.abs(w)
                                    + spec.regularization().l2() / 2 * w * w;
                }
            }
        }
        return penalty;
    }

    private boolean isPenalised(String name) {
        return spec.regularization().scope() == Regularization.Scope.ALL
                || !name.substring(name.lastIndexOf('.') + 1).startsWith("bias");
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
        for (float[] values : gradients.values()) {
            for (float g : values) {
                squares += (double) g * g;
            }
        }
        double norm = Math.sqrt(squares);
        gradients.forEach(
                (name, values) -> {
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
        double g =
                isPenalised(name)
                        ? clipped
                                + regularization.l1() * Math.signum(w[i])
                                + regularization.l2() * w[i]
                        : clipped;
        Optimizer optimizer = spec.optimizer();
        switch (optimizer) {
            case Sgd(double rate, double momentum, boolean nesterov) -> {
                a[i] = t == 1 ? g : momentum * a[i] + g;
                w[i] -= rate * (nesterov ? g + momentum * a[i] : a[i]);
            }
            case Adagrad(double rate, double epsilon, double initial) -> {
                a[i] += g * g;
                w[i] -= rate * g / (Math.sqrt(a[i]) + epsilon);
            }
            case Adam(double rate, double beta1, double beta2, double epsilon) -> {
                a[i] = beta1 * a[i] + (1 - beta1) * g;
                b[i] = beta2 * b[i] + (1 - beta2) * g * g;
                double m = a[i] / (1 - Math.pow(beta1, t));
                double v = b[i] / (1 - Math.pow(beta2, t));
                w[i] -= rate * m / (Math.sqrt(v) + epsilon);
            }
        }
    }
}
