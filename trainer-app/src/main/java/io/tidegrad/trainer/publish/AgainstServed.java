package io.tidegrad.trainer.publish;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.evaluation.LossComparison;
import io.tidegrad.model.evaluation.MetricTask;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// Compares the version that waits at the gate with the one that is served, by what each loses at the examples that come
/// meanwhile. Both are copies that don't learn, so these examples are new to both. It changes no weight, and is no part of
/// the state: a process that has published nothing yet reads what was published before from the topic.
final class AgainstServed {
    private final Plan plan;
    private final MetricTask task;
    private final int steps;
    private final Predictor predictor;
    private final float[] predictions;
    private final double[] losses;
    private final double[] others;
    private @Nullable Parameters served;
    private @Nullable Parameters waiting;
    private LossComparison comparison = new LossComparison();
    private @Nullable CompletableFuture<@Nullable Parameters> reading; // of what was published before this start

    AgainstServed(OnlineModel model) {
        ModelSpec spec = model.spec();
        plan = model.parameters().plan();
        task = MetricTask.of(spec);
        steps = task.kind() == MetricTask.Kind.STEPS ? spec.steps() : 1;
        predictor = new Predictor(plan, model.kernels(), spec.miniBatch());
        predictions = new float[spec.miniBatch() * plan.outputs()];
        losses = new double[spec.miniBatch()];
        others = new double[spec.miniBatch()];
        model.watchBatches(this::learned);
    }

    /// What was published before this start is being read.
    ///
    /// @param read null if it can't be
    void begin(CompletableFuture<@Nullable Parameters> read) {
        reading = read;
    }

    /// Whether it still is: nothing can be compared yet.
    boolean isReading() {
        return reading != null && !reading.isDone();
    }

    /// Takes what was read. Returns whether a comparison begins with it.
    boolean takeRead() {
        CompletableFuture<@Nullable Parameters> read = reading;
        if (read == null || !read.isDone()) {
            return false;
        }
        reading = null;
        Parameters before = read.join();
        if (before == null || served != null) {
            return false;
        }
        served = before;
        comparison = new LossComparison();
        return true;
    }

    /// A version is cut and waits.
    void cut(Parameters version) {
        waiting = version.servedCopy();
        comparison = new LossComparison();
    }

    void givenUp() {
        waiting = null;
    }

    /// The version that waits is published.
    void published() {
        served = waiting;
        waiting = null;
    }

    private void learned(Batch rows) {
        Parameters one = waiting;
        Parameters other = served;
        if (one != null && other != null) {
            lose(one, rows, losses);
            lose(other, rows, others);
            for (int row = 0; row < rows.size(); row++) {
                comparison.add(losses[row], others[row]);
            }
        }
    }

    private void lose(Parameters version, Batch rows, double[] to) {
        predictor.predict(version, rows, predictions);
        for (int row = 0; row < rows.size(); row++) {
            double sum = 0;
            int labels = 0;
            for (int step = 0; step < steps; step++) {
                float label = rows.labels[row * rows.row().labels() + step];
                if (steps == 1 || label != ModelSpec.NO_CLASS) {
                    sum += task.loss(predictions, row * plan.outputs() + step * task.outputs(), label);
                    labels++;
                }
            }
            to[row] = labels == 0 ? 0 : rows.sampleWeights[row] * sum / labels;
        }
    }

    /// Returns by how much the version that waits is worse, for people; null while that can't be told.
    @Nullable
    String worse() {
        LossComparison.Result result = comparison.result();
        return waiting == null || result.verdict() != LossComparison.Verdict.WORSE ? null
                : String.format(Locale.ROOT,
                        "a version that waited would lose %.4g more a label than the one that is served, with 95 %%"
                                + " certainty %.4g to %.4g more, by %d labels",
                        -result.difference(), -result.high(), -result.low(), result.examples());
    }
}
