package io.tidegrad.engine.model;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Activation;
import io.tidegrad.engine.layer.Block;
import io.tidegrad.engine.layer.Pass;
import io.tidegrad.engine.layer.Step;
import io.tidegrad.engine.layer.Watched;
import io.tidegrad.engine.layer.Workspace;
import io.tidegrad.engine.loss.Loss;
import java.util.List;

/// Computes predictions (forward only). It has its own workspace, so each thread needs its own predictor; parameters
/// can be shared. Allocates nothing after construction. Gives the same bits as `Learner.predictions` for the same
/// weights.
public final class Predictor {
    private final Plan plan;
    private final int maxBatch;
    private final Step step;
    private final Pass network;
    private final List<Watched> members;
    private final RowShape row;
    private final Loss loss;

    // Kept because a prediction of a small model takes less than 1 us and `Shape` recomputes the product of its axes.
    private final int lines;
    private final int width;

    private Plan acceptedPlan;

    public Predictor(Plan plan, Kernels kernels, int maxBatch) {
        this.plan = plan;
        this.maxBatch = maxBatch;
        acceptedPlan = plan;
        row = plan.spec().row();
        loss = plan.spec().loss();
        lines = plan.output().lines();
        width = plan.output().width();
        step = new Step(kernels, maxBatch);
        Workspace workspace = new Workspace(maxBatch, Workspace.Purpose.PREDICT);
        network = plan.network().binding().bind(workspace, Activation.ROW, null);
        step.allocateScratch(workspace);
        members = workspace.members();
    }

    /// Copies what the members of a mixture gave a row that was predicted last: `Plan.memberOutputs` numbers.
    public void memberOutputs(int row, float[] to, int toAt) {
        int at = toAt;
        for (int m = 0; m < members.size(); m++) {
            members.get(m).copy(row, to, at);
            at += members.get(m).size();
        }
    }

    /// Writes probabilities (or values), shape (batch.size, outputs), without padding, to `out`.
    ///
    /// @throws IllegalArgumentException the parameters, the batch or `out` have the shapes of another model
    public void predict(Parameters parameters, Batch batch, float[] out) {
        Block y = forward(parameters, batch, out);
        loss.predict(step.kernels, batch.size(), lines, width, y.values, y.at, y.stride, out);
    }

    /// Predicts one row, which is read in place: copying 784 numbers into a batch first took 50 ns more (`./tidegrad
    /// loadtest score --part in-process --model w1`).
    ///
    /// @param numbers shape (row.numbers), or longer
    /// @param ids shape (row.ids), or longer
    /// @param out shape (outputs), or longer
    /// @throws IllegalArgumentException the parameters have the shapes of another model, or an array is too short
    public void predict(Parameters parameters, float[] numbers, int[] ids, float[] out) {
        requireLength("numbers", numbers.length, row.numbers());
        requireLength("ids", ids.length, row.ids());
        accept(parameters.plan());
        requireOutputs(1, out);
        step.begin(1, numbers, row.numbers(), ids, row.ids());
        Block y = forward(parameters);
        loss.predict(step.kernels, 1, lines, width, y.values, y.at, y.stride, out);
    }

    private static void requireLength(String name, int found, int needed) {
        if (found < needed) {
            throw new IllegalArgumentException(name + ": expected at least " + needed + ", found " + found);
        }
    }

    /// Like `predict`, but writes the numbers before the loss's link function is applied: logits, for example.
    public void logits(Parameters parameters, Batch batch, float[] out) {
        Block y = forward(parameters, batch, out);
        loss.logits(step.kernels, batch.size(), lines, width, y.values, y.at, y.stride, out);
    }

    private Block forward(Parameters parameters, Batch batch, float[] out) {
        accept(parameters.plan());
        batch.requireFits(row, maxBatch);
        requireOutputs(batch.size(), out);
        batch.into(step);
        return forward(parameters);
    }

    private void requireOutputs(int rows, float[] out) {
        int outputs = lines * width;
        if (out.length < rows * outputs) {
            throw new IllegalArgumentException(
                    "out: expected at least " + rows + " x " + outputs + " floats, found " + out.length);
        }
    }

    private Block forward(Parameters parameters) {
        step.slab = parameters.slab();
        network.forward(step);
        return network.output().value();
    }

    /// Checks that parameters of another plan fit. Equal specs have equal plans, and one comparison per plan is enough.
    private void accept(Plan other) {
        if (other != acceptedPlan) {
            if (!other.spec().equals(plan.spec())) {
                throw new IllegalArgumentException(
                        "expected parameters of " + plan.spec() + ", found those of " + other.spec());
            }
            acceptedPlan = other;
        }
    }
}
