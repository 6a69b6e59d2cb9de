package io.tidegrad.engine.model;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Activation;
import io.tidegrad.engine.layer.Block;
import io.tidegrad.engine.layer.GradientSlab;
import io.tidegrad.engine.layer.Pass;
import io.tidegrad.engine.layer.Step;
import io.tidegrad.engine.layer.Watched;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.layer.Workspace;
import io.tidegrad.engine.loss.BatchLoss;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Sgd;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Runs learning steps: forward, loss, backward, update. It is the only writer of its `Parameters`. A step allocates
/// nothing, except the first that needs a gradient slab.
public final class Learner {
    /// Products of slopes and numbers up to this bound stay far below the square root of the largest float, 1.8e19.
    private static final double CARE = 1e18;

    /// The bound that the featurizer keeps a feature's numbers within. Larger ones are noticed when the slopes are
    /// large too, or else make the loss not finite.
    private static final double NUMBER_MAX = 1e15;

    private static final Step.TouchedRows NOBODY = (tensor, rows, count) -> {
    };

    private final Parameters parameters;
    private final Plan plan;
    private final BatchLoss loss;
    private final int maxBatch;
    private final Workers workers;
    private final Step step;
    private final OptimizerSteps optimizers;
    private final Pass network;
    private final Block y; // (maxBatch, outputs); logits if the loss takes logits
    private final Block dy;
    private final float[] served; // (maxBatch, lines, width): what a scorer would predict
    private final List<Watched> watched;
    private final Pass[] remembering;
    private final double[][] statistics;
    private final double[][] statisticsBefore; // copies from before a step, to undo it
    private final double gradientMax; // norms up to this one overflow in no optimizer, nor in clipping
    private final boolean clips;
    private final boolean holds; // whether a step's length does not depend on the size of too large a gradient
    private @Nullable GradientSlab gradients; // allocated by the first step that needs it, at once if each does
    private @Nullable Fault fault;
    private double rateMultiplier = 1;
    private @Nullable Inspector inspector; // null until `inspect` is first called
    private final long[] restarted; // how often each of the plan's restarts had happened before the step

    /// A learner that works on the calling thread alone.
    public Learner(Parameters parameters, Kernels kernels, int maxBatch) {
        this(parameters, kernels, maxBatch, Workers.NONE);
    }

    /// A learner that shares its work among `workers`, which the caller closes after the last step. The bits are the
    /// same with any number of workers.
    public Learner(Parameters parameters, Kernels kernels, int maxBatch, Workers workers) {
        this.parameters = parameters;
        this.maxBatch = maxBatch;
        plan = parameters.plan();
        loss = plan.loss(maxBatch);
        if (parameters.isServedOnly()) {
            throw new IllegalArgumentException("expected parameters with optimizer state, found those of a scorer");
        }
        this.workers = workers;
        step = new Step(kernels, maxBatch, workers);
        step.slab = parameters.slab();
        step.target = step.slab;
        optimizers = new OptimizerSteps(plan);
        step.optimizers = optimizers.ofTensors();
        clips = !(plan.spec().clipping() instanceof Clipping.None);
        if (clips) {
            gradients = newGradients();
            gradients.receive(step);
        }
        step.learnsStatistics = true;
        step.seed = plan.spec().seed();
        step.touchedRows = parameters.touchedRows();
        step.newRows = parameters.newRows();
        step.inputBounds = optimizers::multiplyRate;
        restarted = new long[plan.restarts().size()];
        Workspace workspace = new Workspace(maxBatch, Workspace.Purpose.LEARN);
        network = plan.network().binding().bind(workspace, Activation.ROW, null);
        step.allocateScratch(workspace);
        watched = workspace.watched();
        remembering = workspace.remembering().toArray(Pass[]::new);
        statistics = parameters.statistics();
        statisticsBefore = Stream.of(statistics).map(double[]::clone).toArray(double[][]::new);
        // All other optimizers square the gradients, and divide by their size.
        boolean squares = !(plan.spec().optimizer() instanceof Sgd);
        holds = clips || squares;
        gradientMax = clips ? Double.MAX_VALUE
                : squares ? Math.sqrt(Float.MAX_VALUE) : Float.MAX_VALUE / Math.max(1, plan.spec().optimizer().rate());
        y = network.output().value();
        // A network without weights has no gradient, but the loss still needs a place to write to.
        dy = Objects.requireNonNullElseGet(network.output().gradient(), () -> workspace.block(plan.output()));
        served = plan.learnsDifferently() ? new float[maxBatch * plan.outputs()] : loss.predictions();
    }

    /// Takes one step on the batch: computes the gradient of its loss (the mean, unless the spec reduces otherwise) and
    /// updates the weights once. Returns the loss *before* the update. If a row's loss or gradient is found not to be
    /// finite, nothing changes and NaN is returned; `fault` tells step, row and layer. If no row of the batch counts
    /// (`BatchLoss.reduce`), nothing changes and 0 is returned.
    public double learn(Batch batch) {
        batch.requireFits(plan.spec().row(), maxBatch);
        int rows = batch.size();
        if (rows == 0) {
            throw new IllegalArgumentException("expected at least 1 row to learn from, found 0");
        }
        fault = null;
        batch.into(step);
        step.number = parameters.updates();
        step.examples = parameters.examples();
        if (plan.learnsDifferently()) {
            // Predictions are computed as a scorer computes them; the pass that is learned from can differ (dropout,
            // say).
            step.learns = false;
            network.forward(step);
            loss.predict(step.kernels, rows, y.values, y.at, y.stride, served);
        }
        step.learns = true;
        double batchLoss = forward(batch);
        if (Double.isNaN(batchLoss)) {
            return Double.NaN;
        }
        if (loss.isEmpty()) {
            return 0;
        }
        if (inspector != null) {
            inspector.predicted(rows);
        }
        slope(batch);
        for (int i = 0; i < restarted.length; i++) {
            restarted[i] = plan.restarts().get(i).count(step.slab);
        }
        optimizers.prepare(parameters.updates() + 1, rateMultiplier, step.slab);
        parameters.beforeStep();
        if (clips || asksForCare(rows, batch.numbers)) {
            GradientSlab stored = receiveGradients();
            double norm = backward(stored);
            if (holds && !(norm <= gradientMax) && holdSlopes(batch)) {
                norm = backward(receiveGradients());
            }
            if (refuses(rows, norm, gradientMax)) {
                return Double.NaN;
            }
            clip(stored, norm);
            stored.apply(step.kernels, optimizers.ofTensors(), step.slab);
        } else {
            network.backward(step);
        }
        for (Pass pass : remembering) {
            pass.remember(step);
        }
        parameters.stepped(rows);
        for (int i = 0; i < restarted.length; i++) {
            long count = plan.restarts().get(i).count(step.slab);
            if (count != restarted[i]) {
                parameters.drawAgain(plan.restarts().get(i), count);
            }
        }
        if (inspector != null) {
            inspector.stepped();
        }
        return batchLoss;
    }

    /// Sets what multiplies the scheduled rate of each update from the next on; 1 at first.
    public void multiplyRate(double by) {
        rateMultiplier = by;
    }

    /// Returns the loss of a single row, without weights, if a scorer predicted it now: without dropout, by the
    /// statistics so far. Changes neither weights nor state. NaN if it is not finite; `fault` tells where.
    public double judge(Batch row) {
        row.requireFits(plan.spec().row(), 1);
        fault = null;
        row.into(step);
        step.number = parameters.updates();
        step.learns = false;
        return Double.isNaN(forward(row)) ? Double.NaN : loss.rowLosses()[0];
    }

    /// Returns the norm of the gradient of the row that was judged last, with its weight, as clipping measures it.
    /// Changes neither weights nor state. If it is not finite, `fault` tells where.
    public double judgeGradient(Batch row) {
        slope(row);
        step.touchedRows = NOBODY;
        step.learnsStatistics = false;
        double norm = backward(receiveGradients());
        refuses(1, norm, Double.MAX_VALUE);
        step.touchedRows = parameters.touchedRows();
        step.learnsStatistics = true;
        return norm;
    }

    /// Predicts the batch and returns its loss; NaN, and a fault, if that is not finite.
    private double forward(Batch batch) {
        int rows = batch.size();
        network.forward(step);
        loss.compare(step.kernels, rows, y.values, y.at, y.stride, batch.labels);
        markFaulty(rows, batch.sampleWeights);
        double batchLoss = loss.reduce(rows, batch.sampleWeights);
        if (Double.isFinite(batchLoss)) {
            return batchLoss;
        }
        fault = forwardFault(rows, batch);
        return Double.NaN;
    }

    private void slope(Batch batch) {
        loss.gradient(batch.size(), batch.labels, batch.sampleWeights, dy.values, dy.at, dy.stride);
        step.scale = loss.scale();
    }

    /// Makes the next backward pass store its gradients.
    private GradientSlab receiveGradients() {
        GradientSlab stored = gradients == null ? newGradients() : gradients;
        gradients = stored;
        stored.receive(step);
        return stored;
    }

    /// Whether a first layer's gradients could be too large to be squared by an optimizer. If each gradient were
    /// applied while the next is computed, the overflow would be noticed too late; a gradient slab notices it in time,
    /// with the same bits. The row's numbers are only checked if the slopes of the loss don't rule an overflow out, as
    /// those of a cross-entropy do.
    private boolean asksForCare(int rows, float[] numbers) {
        float slope = largestSlope(rows);
        if ((double) slope * rows < CARE / NUMBER_MAX) {
            return false;
        }
        float largest = 1;
        int count = rows * plan.spec().row().numbers();
        for (int i = 0; i < count; i++) {
            largest = Math.max(largest, Math.abs(numbers[i]));
        }
        return !((double) slope * rows * largest < CARE);
    }

    /// The size of the largest slope of the loss; NaN if one is.
    private float largestSlope(int rows) {
        float slope = 0;
        int lines = rows * plan.output().lines();
        int width = plan.output().width();
        for (int line = 0; line < lines; line++) {
            int at = dy.row(line);
            for (int i = 0; i < width; i++) {
                slope = Math.max(slope, Math.abs(dy.values[at + i]));
            }
        }
        return slope;
    }

    /// Undoes a backward pass, and makes the slopes of the loss anew, divided by the power of two that leaves them below 1.
    /// The gradients become as much smaller, because backward is linear in the slopes. Returns false, and undoes nothing, if
    /// the slopes are not what makes the gradients too large.
    private boolean holdSlopes(Batch batch) {
        int rows = batch.size();
        slope(batch);
        float largest = largestSlope(rows);
        if (!(largest >= 1 && largest <= Float.MAX_VALUE)) {
            return false;
        }
        copy(statisticsBefore, statistics);
        network.forward(step);
        float factor = Math.scalb(1f, -Math.getExponent(largest) - 1);
        int lines = rows * plan.output().lines();
        for (int line = 0; line < lines; line++) {
            int at = dy.row(line);
            for (int i = 0; i < plan.output().width(); i++) {
                dy.values[at + i] *= factor;
            }
        }
        return true;
    }

    private GradientSlab newGradients() {
        return new GradientSlab(plan.tensors(), plan::isFrozen, maxBatch);
    }

    /// Computes all gradients before any weight changes. Returns their norm.
    private double backward(GradientSlab gradients) {
        copy(statistics, statisticsBefore);
        network.backward(step);
        if (!clips) {
            step.target = step.slab;
            step.optimizers = optimizers.ofTensors();
        }
        return gradients.norm();
    }

    /// Whether the norm of the gradients exceeds `max` or is NaN. Then it records a fault and leaves the model unchanged.
    private boolean refuses(int rows, double norm, double max) {
        if (norm <= max) {
            return false;
        }
        copy(statisticsBefore, statistics);
        fault = backwardFault(rows, norm);
        return true;
    }

    private static void copy(double[][] from, double[][] to) {
        for (int i = 0; i < from.length; i++) {
            System.arraycopy(from[i], 0, to[i], 0, from[i].length);
        }
    }

    private Fault forwardFault(int rows, Batch batch) {
        for (int row = 0; row < rows; row++) {
            if (!Float.isFinite(batch.sampleWeights[row])) {
                return new Fault(step.number, row, "the batch", "its sample weight is not finite");
            }
            if (Float.isFinite(loss.rowLosses()[row])) {
                continue;
            }
            for (Watched layer : watched) {
                if (!layer.isFinite(row)) {
                    return new Fault(step.number, row, layer.place(), "its output is not finite");
                }
            }
            return new Fault(step.number, row, "the loss", "it is not finite");
        }
        return new Fault(step.number, -1, "the loss", "the sum over the rows is not finite");
    }

    private Fault backwardFault(int rows, double norm) {
        for (Watched layer : watched.reversed()) {
            for (int row = 0; row < rows; row++) {
                if (!layer.isGradientFinite(row)) {
                    return new Fault(step.number, row, layer.place(), "the gradient of its output is not finite");
                }
            }
        }
        return new Fault(step.number, -1, "the gradients",
                "expected a norm that the optimizer can apply, found " + norm);
    }

    /// Why the last `learn` returned NaN; null if it returned a loss.
    public @Nullable Fault fault() {
        return fault;
    }

    private void clip(GradientSlab gradients, double norm) {
        switch (plan.spec().clipping()) {
            case Clipping.None none -> {
            }
            case Clipping.Value(double limit) -> gradients.clamp((float) limit);
            case Clipping.GlobalNorm clipping -> gradients.scale(clipping.factor(norm));
        }
    }

    /// Sets the loss of rows with numbers that are not finite to NaN, in case a relu hid them from the loss.
    private void markFaulty(int rows, float[] sampleWeights) {
        for (int row = 0; row < rows; row++) {
            if (step.isFaulty(row) || !Float.isFinite(sampleWeights[row])) {
                loss.rowLosses()[row] = Float.NaN;
            }
        }
    }

    /// Probabilities (or values) that the last `learn` predicted before its update: shape (batch.size, outputs),
    /// without padding, valid until the next call.
    public float[] predictions() {
        return served;
    }

    /// The losses of the rows in the last `learn`, without sample weights; NaN or infinite for a row that can't be
    /// learned.
    public float[] rowLosses() {
        return loss.rowLosses();
    }

    /// The regularization penalty of the present weights, which the loss does not include. Reads every weight, so don't
    /// call it for every step.
    public double penalty() {
        return optimizers.penalty(parameters);
    }

    /// What the network is like inside now, and what the steps since the last call did to it. Changes nothing that is
    /// learned. From the first call on, the first step after each call is compared with the one before, and the outputs of
    /// at least `Inspection.ROWS` rows are looked at; other steps cost nothing.
    public Inspection inspect() {
        Inspector inspector = this.inspector;
        if (inspector == null) {
            inspector = new Inspector(parameters, optimizers, watched);
            this.inspector = inspector;
        }
        return inspector.inspect();
    }

    /// Warms up the kernels, like the instance method, before a learner exists: allocates nothing of the model's size.
    public static long warmUp(NetworkSpec spec, Kernels kernels, int maxBatch, Workers workers, long budgetNanos) {
        return WarmUp.run(spec, kernels, maxBatch, workers, budgetNanos);
    }

    /// Runs the kernels on scratch data of this plan's shapes until their speed is stable, without changing the model.
    /// Returns the nanoseconds of wall time spent.
    public long warmUp(long budgetNanos) {
        return WarmUp.run(plan.spec(), step.kernels, maxBatch, workers, budgetNanos);
    }
}
