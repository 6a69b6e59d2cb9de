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

/// Computes gradients for inspection, with the same layers and kernels as learning, before clipping and without the
/// penalty's gradient. Changes no weight. Made for golden cases and gradient checks, not for speed.
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

    /// Whether layers behave as in prediction or as in learning.
    public enum Mode {
        PREDICT,
        /// As in the next step of learning.
        LEARN,
        /// As in the next step of learning; layers that learn statistics from their inputs update them.
        LEARN_STATISTICS
    }

    /// Gradients with layers that behave as in prediction.
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

    /// Computes the gradients of the batch's loss and returns the loss.
    public double ofLoss(Batch batch) {
        forward(batch);
        int rows = batch.size();
        double batchLoss = loss.reduce(rows, batch.sampleWeights);
        loss.gradient(rows, batch.labels, batch.sampleWeights, dy.values, dy.at, dy.stride);
        backward(loss.scale());
        return batchLoss;
    }

    /// Computes the gradients of Σ output · outputGradient, where the outputs are the loss's input: a last activation
    /// that is fused with the loss is not part of them.
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

    /// Predictions for the last batch, shape (batch.size, outputs), without padding.
    public float[] predictions() {
        return loss.predictions();
    }

    /// The loss's input, shape (batch.size, outputs): logits if the loss applies the last activation, else the
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

    /// Losses of the rows in the last `ofLoss`, shape (batch.size).
    public float[] rowLosses() {
        return loss.rowLosses();
    }

    /// The gradient of one tensor, shape (rows, columns) as in `Parameters.weights`; 0 if the tensor is frozen.
    public float[] of(String tensor) {
        int index = plan.tensor(tensor);
        return gradients.slab().storage(index).read(plan.tensors().get(index), 0);
    }

    /// The gradient with respect to the rows' numbers, shape (batch.size, row.numbers).
    public float[] ofNumbers() {
        return step.numbersGradient;
    }

    /// The L2 norm of all tensors' gradients together.
    public double norm() {
        return gradients.norm();
    }
}
