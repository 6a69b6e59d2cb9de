package io.tidegrad.model.learn;

import io.tidegrad.engine.loss.BatchLoss;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.evaluation.EstimatedPerformance;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/// Lets a model learn each row only when its label is known, some rows or some event time after the row itself came. A
/// row is predicted when it comes, by the model as it is then, and its prediction counts in the evaluation when its label
/// comes; so does what the members of a mixture gave it, and what the linear baseline predicted, which learns by the same
/// labels. Labels that are due at once come in the order of their rows. Nothing depends on a clock.
///
/// The running prior, with which the evaluation compares, knows the labels that came before a row's own. Those are more
/// than were known when the row came.
public final class LabelDelay {
    /// How late labels are.
    ///
    /// @param rows how many other rows come in between; 0 if `time` says it
    /// @param time how much event time passes; null if `rows` says it
    public record Length(long rows, @Nullable Duration time) {
        public static final Length NONE = new Length(0, null);

        public boolean isNone() {
            return rows == 0 && time == null;
        }
    }

    /// A row that waits for its label.
    private static final class Waiting {
        final PreparedEvent event;
        final float[] logits;
        final float[] predictions;
        final double @Nullable [] linear; // what the linear baseline predicted
        long place;
        long arrival;
        long due;

        Waiting(Row row, int outputs, int memberOutputs, double @Nullable [] linear) {
            this.linear = linear;
            event = new PreparedEvent(row);
            logits = new float[outputs];
            predictions = new float[outputs];
            row.memberOutputs = new float[memberOutputs];
        }
    }

    /// Told of each row once its label has come.
    @FunctionalInterface
    public interface Learned {
        /// @param place of the row, as the caller gave it
        void learned(long place, EventFold.Outcome outcome);
    }

    private final OnlineModel model;
    private final Length length;
    private final Learned learned;
    private final Predictor predictor;
    private final BatchLoss loss;
    private final Batch one;
    private final int outputs;
    private final StreamTime clock;
    private final PriorityQueue<Waiting> waiting = new PriorityQueue<>(
            Comparator.<Waiting>comparingLong(row -> row.due).thenComparingLong(row -> row.arrival));
    private final ArrayDeque<Waiting> free = new ArrayDeque<>();
    private ProgressiveEvaluation evaluation;
    private @Nullable LearnedRows watcher;
    private @Nullable EstimatedPerformance drained; // of the labels that come at the end
    private long arrivals;

    /// @throws IllegalArgumentException the length is one of event time, and the spec names none
    public LabelDelay(OnlineModel model, Length length, Learned learned) {
        ModelSpec spec = model.spec();
        if (length.time() != null && spec.input().eventTime() == null) {
            throw new IllegalArgumentException(
                    "model " + spec.model() + ": expected input.event-time, by which a delay of " + length.time()
                            + " passes, found none; name the field, or give the delay in rows");
        }
        this.model = model;
        this.length = length;
        this.learned = learned;
        Plan plan = model.parameters().plan();
        predictor = new Predictor(plan, model.kernels(), 1);
        loss = new BatchLoss(plan.spec().loss(), plan.spec().reduction(), 1, plan.output().lines(),
                plan.output().width());
        one = new Batch(plan.spec().row(), 1);
        one.resize(1);
        outputs = plan.outputs();
        clock = new StreamTime(spec.input().maxAhead().toMillis());
        evaluation = new ProgressiveEvaluation(spec);
    }

    /// Shows each row to `rows` when its label comes.
    public void watch(LearnedRows rows) {
        watcher = rows;
    }

    /// Of the predictions as they were made when the rows came.
    public ProgressiveEvaluation evaluation() {
        return evaluation;
    }

    public void restartEvaluation() {
        evaluation = evaluation.restarted(model.spec());
    }

    /// Learns the rows whose labels are known by now, then predicts this one.
    ///
    /// @param event a row, which is copied
    /// @param place by which `Learned` tells of it
    public void take(PreparedEvent event, long place) {
        Row row = event.row();
        long now = arrivals;
        if (length.time() != null) {
            if (clock.admits(row.eventTime)) {
                clock.accepted(row.eventTime);
            } else {
                clock.rejected(row.eventTime);
            }
            now = clock.now();
        }
        learn(now);
        Waiting next = free.isEmpty() ? new Waiting(row.blank(), outputs, model.parameters().plan().memberOutputs(),
                evaluation.recent().newLinearPrediction()) : free.pop();
        next.event.copyOf(event);
        next.place = place;
        next.arrival = arrivals++;
        next.due = length.time() == null ? next.arrival + length.rows() + 1 : row.eventTime + length.time().toMillis();
        predict(row, next);
        waiting.add(next);
    }

    /// Puts the row where predictions are made.
    private void place(Row row) {
        System.arraycopy(row.numbers, 0, one.numbers, 0, row.numbers.length);
        System.arraycopy(row.ids, 0, one.ids, 0, row.ids.length);
    }

    private void predict(Row row, Waiting into) {
        place(row);
        evaluation.recent().came(one, 0, into.linear);
        predictor.logits(model.parameters(), one, into.logits);
        compare(into.logits, row.labels);
        System.arraycopy(loss.predictions(), 0, into.predictions, 0, into.predictions.length);
        predictor.memberOutputs(0, into.event.row().memberOutputs, 0);
    }

    private void compare(float[] logits, float[] labels) {
        loss.compare(model.kernels(), 1, logits, 0, logits.length / model.parameters().plan().output().lines(), labels);
    }

    /// Lets all labels come that are still out, in their order. Returns what was to be expected of these predictions, beside
    /// what became of them; null where there is no estimate, or no label was out.
    public EstimatedPerformance.@Nullable Comparison drain() {
        EstimatedPerformance estimate = waiting.isEmpty() ? null : evaluation.recent().estimate();
        if (estimate != null) {
            waiting.stream().sorted(waiting.comparator())
                    .forEach(row -> estimate.add(row.predictions, 0, row.event.row().weight));
        }
        drained = estimate;
        learn(Long.MAX_VALUE);
        drained = null;
        return estimate == null ? null : estimate.compared();
    }

    private void learn(long now) {
        for (Waiting row = waiting.peek(); row != null && row.due <= now; row = waiting.peek()) {
            waiting.remove();
            EventFold.Outcome outcome = EventFold.learn(row.event, model);
            if (outcome instanceof EventFold.Outcome.Accepted) {
                float[] labels = row.event.row().labels;
                place(row.event.row());
                evaluation.recent().learned(one, 0, labels[0], row.event.row().weight, row.linear);
                evaluation.recent().next(row.event.row().slices, 0, row.event.row().eventTime, model.eventTime());
                compare(row.logits, labels); // only now it is known which class a label is that was new
                float lost = loss.rowLosses()[0];
                evaluation.addRow(row.predictions, 0, labels, 0, lost, row.event.row().weight);
                if (drained != null) {
                    drained.labelled(row.predictions, 0, labels[0], row.event.row().weight);
                }
                if (watcher != null) {
                    watcher.learned(row.predictions, 0, labels, 0, lost, row.event.row().weight);
                }
            }
            learned.learned(row.place, outcome);
            free.push(row);
        }
    }
}
