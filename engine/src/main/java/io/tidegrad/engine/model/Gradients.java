package io.tidegrad.engine.model;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Activation;
import io.tidegrad.engine.layer.Block;
import io.tidegrad.engine.layer.GradientSlab;
import io.tidegrad.engine.layer.Pass;
import io.tidegrad.engine.layer.Step;
import io.tidegrad.engine.layer.Workspace;
import io.tidegrad.engine.loss.BatchLoss;
import java.util.Arrays;
import java.util.Objects;

/// Gradients for people to look at, through the same layers and kernels as learning: before clipping, without the
/// penalty's. Changes no weight. For golden cases and gradient checks, not for speed.
public final class Gradients {
    private final Parameters parameters;
    private final Plan plan;
    private final BatchLoss loss;
    private final int maxBatch;
    private final GradientSlab gradients;
    private final Step step;
    private final Pass network;
    private final Block y; // (maxBatch, outputs)
    private final Block dy;

    /// How the layers behave.
    public enum Mode {
        PREDICT,
        /// As in the next step of learning.
        LEARN,
        /// As in the next step of learning, and layers that learn from their inputs do so.
        LEARN_STATISTICS
    }

    /// As layers behave when they predict.
    public Gradients(Parameters parameters, Kernels kernels, int maxBatch) {
        this(parameters, kernels, maxBatch, Mode.PREDICT);
    }

    public Gradients(Parameters parameters, Kernels kernels, int maxBatch, Mode mode) {
        this.parameters = parameters;
        this.maxBatch = maxBatch;
        plan = parameters.plan();
        loss = plan.loss(maxBatch);
        gradients = new GradientSlab(plan.tensors(), plan::isFrozen, maxBatch);
        step = new Step(kernels, maxBatch);
        step.slab = parameters.slab();
        step.learns = mode != Mode.PREDICT;
        step.learnsStatistics = mode == Mode.LEARN_STATISTICS;
        step.seed = plan.spec().seed();
        gradients.receive(step);
        step.numbersGradient = new float[maxBatch * plan.spec().row().numbers()];
        Workspace workspace = new Workspace(maxBatch, Workspace.Purpose.REPORT_GRADIENTS);
        network = plan.network().binding().bind(workspace, Activation.ROW, null);
        step.allocateScratch(workspace);
        y = network.output().value();
        dy = Objects.requireNonNull(network.output().gradient());
    }

    /// Gradients of the batch's loss, which is returned.
    public double ofLoss(Batch batch) {
        forward(batch);
        int rows = batch.size();
        double batchLoss = loss.reduce(rows, batch.sampleWeights);
        loss.gradient(rows, batch.labels, batch.sampleWeights, dy.values, dy.at, dy.stride);
        backward(loss.scale());
        return batchLoss;
    }

    /// Gradients of Σ output · outputGradient, where an output is what the loss would read: a fused last activation is
    /// not part of it.
    ///
    /// @param outputGradients (batch.size, outputs)
    public void ofOutputs(Batch batch, float[] outputGradients) {
        forward(batch);
        int width = plan.output().width();
        for (int line = 0; line < batch.size() * plan.output().lines(); line++) {
            System.arraycopy(outputGradients, line * width, dy.values, dy.row(line), width);
        }
        backward(1);
    }

    private void forward(Batch batch) {
        batch.requireFits(plan.spec().row(), maxBatch);
        batch.into(step);
        step.number = parameters.updates();
        network.forward(step);
        loss.compare(step.kernels, batch.size(), y.values, y.at, y.stride, batch.labels);
    }

    private void backward(float scale) {
        Arrays.fill(step.numbersGradient, 0);
        step.scale = scale;
        network.backward(step);
        for (int i = 0; i < step.numbersGradient.length; i++) {
            step.numbersGradient[i] *= scale;
        }
    }

    /// Shape (batch.size, outputs), tight, of the last batch.
    public float[] predictions() {
        return loss.predictions();
    }

    /// What the loss read, shape (batch.size, outputs): logits where the last activation is the loss's, else the
    /// predictions.
    public float[] outputs(int rows) {
        int width = plan.output().width();
        int lines = rows * plan.output().lines();
        float[] tight = new float[lines * width];
        for (int line = 0; line < lines; line++) {
            System.arraycopy(y.values, y.row(line), tight, line * width, width);
        }
        return tight;
    }

    /// Shape (batch.size), of the last `ofLoss`.
    public float[] rowLosses() {
        return loss.rowLosses();
    }

    /// The gradient of one tensor, shape (rows, columns) as `Parameters.weights` has it; 0 where it is frozen.
    public float[] of(String tensor) {
        return Values.read(plan, gradients.slab(), plan.tensor(tensor), 0);
    }

    /// The gradient of the rows' numbers, shape (batch.size, row.numbers).
    public float[] ofNumbers() {
        return step.numbersGradient;
    }

    /// The L2 norm over all tensors together.
    public double norm() {
        return gradients.norm();
    }
}
