package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Optimizer;

/// How fast a workload could be on this machine: its arithmetic at the peak of the FMA units, with the format's
/// padding, plus its passes over memory at the speed of plain loops over arrays of the same size, one after the other.
/// Work that overlapped the two could beat it; nothing that is counted can be left out. Activations, losses and the
/// calls between are not counted.
final class Roofline {
    private final Plan plan;
    private final LayerCosts costs;
    private final double flopsPerNano = MachineLimits.flopsPerNano();
    private final double readNanos; // of one padded weight
    private final double updateNanos; // of one padded weight, its state included

    Roofline(Plan plan) {
        this.plan = plan;
        costs = new LayerCosts(plan);
        int weights = 0;
        for (Tensor tensor : plan.tensors()) {
            weights += denseLength(tensor);
        }
        weights = Math.max(weights, 1);
        readNanos = MachineLimits.read(weights) / weights;
        Optimizer optimizer = plan.spec().optimizer();
        double memory = MachineLimits.update(1 + optimizer.stateParts(), weights) / weights;
        updateNanos = Math.max(memory, arithmetic(optimizer));
    }

    double flopsPerNano() {
        return flopsPerNano;
    }

    /// Nanoseconds to learn from one batch.
    ///
    /// @param fillNanos to copy its rows into the batch, measured
    double learnNanos(int batch, double fillNanos) {
        int passes = 3; // forward, and as much again twice backward
        double nanos = fillNanos + insideNanos(batch, passes);
        boolean first = true; // nobody needs the gradient of the row
        for (int i = 0; i < plan.tensors().size(); i++) {
            switch (plan.tensors().get(i)) {
                case Tensor.Matrix matrix -> nanos += matrixNanos(costs.use(i), matrix.panels().length(), batch, first);
                case Tensor.Vector vector -> nanos += vector.stride() * updateNanos;
                case Tensor.Table table -> nanos += rowsNanos(table, batch, true);
                case Tensor.Statistics statistics -> {
                }
            }
            first = false;
        }
        return nanos;
    }

    private double matrixNanos(LayerCosts.Use use, int length, int batch, boolean first) {
        int lines = batch * use.lines();
        double forward = 2.0 * lines * length / flopsPerNano;
        double weights = forward + length * updateNanos;
        double backward = first ? 0 : batch * use.backFlops() / flopsPerNano;
        if (use.inTurn() > 1) {
            // Read again for each line of a row, and used at once.
            double read = use.inTurn() * length * readNanos;
            return Math.max(forward, read) + weights + Math.max(backward, read);
        }
        int reads = lines > 1 && !first ? 2 : 1; // one line: dx and update in one pass
        return forward + weights + backward + reads * length * readNanos;
    }

    /// Products between activations and transcendental functions inside of layers.
    private double insideNanos(int batch, int passes) {
        double gates = costs.transcendentals() == 0 ? 0 : MachineLimits.gateArithmetic();
        return batch * (passes * costs.attentionFlops() / flopsPerNano + costs.transcendentals() * gates);
    }

    /// Nanoseconds to predict one batch.
    double predictNanos(int batch, double fillNanos) {
        int passes = 1;
        double nanos = fillNanos + insideNanos(batch, passes);
        for (int i = 0; i < plan.tensors().size(); i++) {
            switch (plan.tensors().get(i)) {
                case Tensor.Matrix matrix -> {
                    int lines = batch * costs.use(i).lines();
                    int length = matrix.panels().length();
                    // A weight that is read is used at once: one row takes as long as the slower of the two.
                    nanos += Math.max(2.0 * lines * length / flopsPerNano, length * readNanos);
                }
                case Tensor.Table table -> nanos += rowsNanos(table, batch, false);
                case Tensor.Vector bias -> {
                }
                case Tensor.Statistics statistics -> {
                }
            }
        }
        return nanos;
    }

    /// Nanoseconds of one pass over all dense weights.
    double readNanos() {
        double nanos = 0;
        for (Tensor tensor : plan.tensors()) {
            nanos += denseLength(tensor) * readNanos;
        }
        return nanos;
    }

    private double rowsNanos(Tensor.Table table, int batch, boolean updates) {
        int reads = Math.multiplyExact(batch, table.reads());
        return MachineLimits.randomRows(table.rows(), table.columns(), plan.spec().optimizer().stateParts(), reads,
                updates);
    }

    private static int denseLength(Tensor tensor) {
        return switch (tensor) {
            case Tensor.Matrix matrix -> matrix.panels().length();
            case Tensor.Vector bias -> bias.stride();
            case Tensor.Table table -> 0;
            case Tensor.Statistics statistics -> 0;
        };
    }

    private static double arithmetic(Optimizer optimizer) {
        return switch (optimizer) {
            case Adam adam -> MachineLimits.adamArithmetic();
            case Adagrad adagrad -> MachineLimits.adagradArithmetic();
            default -> 0; // memory alone
        };
    }
}
