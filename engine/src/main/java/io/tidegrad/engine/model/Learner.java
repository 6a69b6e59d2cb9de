package io.tidegrad.engine.model;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Activation;
import io.tidegrad.engine.layer.Block;
import io.tidegrad.engine.layer.GradientSlab;
import io.tidegrad.engine.layer.Pass;
import io.tidegrad.engine.layer.Step;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.layer.Workspace;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.optim.Clipping;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Forward, loss, backward, update: the only writer of `Parameters`. Allocates nothing after construction.
public final class Learner {
    private final Parameters parameters;
    private final Plan plan;
    private final Loss loss;
    private final int maxBatch;
    private final Workers workers;
    private final Step step;
    private final OptimizerSteps optimizers;
    private final @Nullable GradientSlab gradients; // null where each is applied at once
    private final Pass network;
    private final Block y; // (maxBatch, outputs), logits where the loss works from them
    private final Block dy;
    private final float[] predictions; // (maxBatch, outputs)
    private final float[] learned; // as predictions, of the forward pass that is learned from
    private final float[] rowLosses; // (maxBatch)

    /// On the calling thread alone.
    public Learner(Parameters parameters, Kernels kernels, int maxBatch) {
        this(parameters, kernels, maxBatch, Workers.NONE);
    }

    /// With a crew, which the caller owns and closes after the last step; the bits are the same with any number of workers.
    public Learner(Parameters parameters, Kernels kernels, int maxBatch, Workers workers) {
        this.parameters = parameters;
        this.maxBatch = maxBatch;
        plan = parameters.plan();
        loss = plan.spec().loss();
        if (parameters.isServedOnly()) {
            throw new IllegalArgumentException(
                    "expected parameters with optimizer state, found those of a scorer");
        }
        this.workers = workers;
        step = new Step(kernels, maxBatch, workers);
        step.slab = parameters.slab();
        step.target = step.slab;
        optimizers = new OptimizerSteps(plan);
        step.optimizers = optimizers.ofTensors();
        boolean clips = !(plan.spec().clipping() instanceof Clipping.None);
        gradients = clips ? new GradientSlab(plan.tensors(), plan::isFrozen, maxBatch) : null;
        if (gradients != null) {
            gradients.receive(step);
        }
        step.learnsStatistics = true;
        step.seed = plan.spec().seed();
        step.touchedRows = parameters.touchedRows();
        Workspace workspace = new Workspace(maxBatch, Workspace.Purpose.LEARN);
        network = plan.network().binding().bind(workspace, Activation.ROW, null);
        y = network.output().value();
        // A network without a single weight has no gradient; the loss needs somewhere to write all
        // the same.
        dy =
                Objects.requireNonNullElseGet(
                        network.output().gradient(), () -> workspace.block(plan.outputs()));
        predictions = new float[maxBatch * plan.outputs()];
        learned = plan.learnsDifferently() ? new float[maxBatch * plan.outputs()] : predictions;
        rowLosses = new float[maxBatch];
    }

    /// One step on the batch: the mean gradient, one update. Returns the mean loss *before* the update. When a row's loss
    /// is not finite nothing at all is changed and NaN is returned; `rowLosses` tells which.
    public double learn(Batch batch) {
        batch.requireFits(plan.spec().row(), maxBatch);
        int rows = batch.size();
        if (rows == 0) {
            throw new IllegalArgumentException("expected at least 1 row to learn from, found 0");
        }
        int outputs = plan.outputs();
        batch.into(step);
        step.number = parameters.updates();
        step.learns = !plan.learnsDifferently();
        forward(rows, outputs, predictions);
        if (plan.learnsDifferently()) {
            // What was predicted is what a scorer would have said; what is learned from is not.
            step.learns = true;
            forward(rows, outputs, learned);
        }
        loss.losses(rows, outputs, y.values, y.at, y.stride, batch.labels, rowLosses);
        double meanLoss = meanLoss(rows, batch.sampleWeights);
        if (!Double.isFinite(meanLoss)) {
            return Double.NaN;
        }
        loss.gradient(
                rows,
                outputs,
                learned,
                batch.labels,
                batch.sampleWeights,
                dy.values,
                dy.at,
                dy.stride);
        step.scale = 1f / rows;
        optimizers.prepare(parameters.updates() + 1);
        network.backward(step);
        if (gradients != null) {
            clip(gradients);
            gradients.apply(step.kernels, optimizers.ofTensors(), step.slab);
        }
        parameters.stepped(rows);
        return meanLoss;
    }

    private void forward(int rows, int outputs, float[] predictions) {
        network.forward(step);
        loss.predict(step.kernels, rows, outputs, y.values, y.at, y.stride, predictions);
    }

    private void clip(GradientSlab gradients) {
        switch (plan.spec().clipping()) {
            case Clipping.None none -> {}
            case Clipping.Value(double limit) -> gradients.clamp((float) limit);
            case Clipping.GlobalNorm norm -> gradients.scale(norm.factor(gradients.norm()));
        }
    }

    /// Σ w_i l_i / N, rows ascending. Marks rows whose numbers were not finite, where a relu hid that from the loss.
    private double meanLoss(int rows, float[] sampleWeights) {
        double sum = 0;
        for (int row = 0; row < rows; row++) {
            if (step.isFaulty(row) || !Float.isFinite(sampleWeights[row])) {
                rowLosses[row] = Float.NaN;
            }
            sum += (double) sampleWeights[row] * rowLosses[row];
        }
        return sum / rows;
    }

    /// Probabilities (or values) that the last `learn` predicted before it updated: shape (batch.size, outputs), tight,
    /// valid until the next call.
    public float[] predictions() {
        return predictions;
    }

    /// Per row loss of the last `learn`, without sample weights; NaN or infinite for a row that can't be learned.
    public float[] rowLosses() {
        return rowLosses;
    }

    /// The regularization's penalty on the present weights, which the loss leaves out: one look at every weight, so not for
    /// every step.
    public double penalty() {
        return optimizers.penalty(parameters);
    }

    /// Runs the kernels on scratch data of this plan's shapes until their speed is stable, changing nothing of the model.
    /// Returns the nanoseconds spent, by the clock.
    public long warmUp(long budgetNanos) {
        return WarmUp.run(plan.spec(), step.kernels, maxBatch, workers, budgetNanos);
    }
}
