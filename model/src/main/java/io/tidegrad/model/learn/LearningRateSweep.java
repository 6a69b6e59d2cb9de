package io.tidegrad.model.learn;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.header.Headers;

/// The learning-rate range test (Smith 2017, "Cyclical learning rates for training neural networks", section 3.3): a
/// fresh model learns a stream while the rate of each update is a constant factor above that of the one before, and the
/// progressive loss shows which rates learn and which diverge. The model is discarded afterwards.
///
/// The result is a pure function of spec, range and events. The loss is smoothed by an exponential mean with bias
/// correction, whose memory is a fiftieth of the updates. The test ends early when the smoothed loss exceeds four times
/// its minimum or is not finite.
public final class LearningRateSweep {
    /// The least number of updates: with fewer, the smoothing's memory would be less than two updates.
    public static final int UPDATES_MIN = 100;

    private static final int MEMORIES = 50;
    private static final int POINTS = 500;
    private static final double EXCESS_MAX = 4;

    /// @param from the rate of the first update
    /// @param to the rate of the last one, after `events` events
    public record Range(double from, double to, long events) {
        public Range {
            if (!(from > 0 && from < to && to < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException(
                        "from-rate, to-rate: expected two above 0, the first below the second, found " + from + " and "
                                + to);
            }
        }
    }

    private final Range range;
    private final OnlineModel model;
    private final EventFold fold;
    private final Schedule schedule;
    private final long updates;
    private final double keep; // decay factor of the exponential mean
    private final double memory; // of the exponential mean, in updates
    private final List<RateCurve.Point> points = new ArrayList<>();
    private double mean; // exponential mean before bias correction
    private double weight; // total weight of the losses in the mean: 1 - keep^updates
    private double least = Double.POSITIVE_INFINITY;
    private double first = Double.NaN;
    private long events;
    private long deadLetters;
    private boolean lastNotFinite;
    private RateCurve.End end = RateCurve.End.OF_THE_STREAM;
    private boolean ended;

    /// @throws IllegalArgumentException the optimizer's rate can't be changed, or the events are too few; the message
    ///     says what to do
    public LearningRateSweep(ModelSpec spec, ValueDecoder decoder, Kernels kernels, Range range) {
        this.range = range;
        Optimizer optimizer = spec.optimizer();
        if (optimizer.hasFixedRate()) {
            throw new IllegalArgumentException("model " + spec.model()
                    + ": expected an optimizer whose rate can change from update to update, found "
                    + optimizer.getClass().getSimpleName()
                    + ", which has one for all updates; compare a few values of its alpha by replay instead");
        }
        if (spec.recipe() != null) {
            throw new IllegalArgumentException("model " + spec.model()
                    + ": expected a spec with an optimizer, found a recipe, whose members have rates of their own;"
                    + " compare a few values of its rate by backtest --grid recipe.rate=… instead");
        }
        updates = range.events() / spec.miniBatch();
        if (updates < UPDATES_MIN) {
            throw new IllegalArgumentException("model " + spec.model() + ": expected at least " + UPDATES_MIN
                    + " mini-batches of " + spec.miniBatch() + " = " + (long) UPDATES_MIN * spec.miniBatch()
                    + " events, found " + range.events());
        }
        schedule = new Schedule.Exponential(StrictMath.pow(range.to() / range.from(), 1.0 / (updates - 1)));
        memory = Math.max(1, (double) updates / MEMORIES);
        keep = 1 - 1 / memory;
        ModelSpec trial = spec.withRates(optimizer.withRate(range.from()), schedule);
        model = OnlineModel.initial(trial, kernels);
        fold = new EventFold(trial, model, decoder);
    }

    /// Folds the next record of the stream. Returns whether the test needs more.
    public boolean fold(byte[] value, Headers headers) {
        if (ended) {
            return false;
        }
        long update = model.parameters().updates();
        long examples = model.parameters().examples();
        try {
            switch (fold.fold(value, headers)) {
                case EventFold.Outcome.Accepted() -> events++;
                case EventFold.Outcome.Ticked() -> {
                }
                case EventFold.Outcome.Rejected(var rejection, var schemaId) -> {
                    events++;
                    rejected(rejection);
                }
            }
        } catch (ModelDivergedException diverged) {
            end(RateCurve.End.NOT_FINITE);
        }
        if (model.parameters().updates() > update) {
            learned(update, (int) (model.parameters().examples() - examples));
        }
        return !ended;
    }

    /// One event whose loss is not finite may be a bad event; two in a row mean that the weights diverged.
    private void rejected(Rejection rejection) {
        deadLetters++;
        if (rejection.reason() == Rejection.Reason.NOT_FINITE) {
            if (lastNotFinite) {
                end(RateCurve.End.NOT_FINITE);
            }
            lastNotFinite = true;
        }
    }

    private void learned(long update, int rows) {
        lastNotFinite = false;
        float[] losses = model.learner().rowLosses();
        double sum = 0;
        for (int row = 0; row < rows; row++) {
            sum += losses[row];
        }
        mean = keep * mean + (1 - keep) * sum / rows;
        weight = keep * weight + (1 - keep);
        double loss = mean / weight;
        // Earlier, the mean covers too few losses to be compared with.
        if (update + 1 >= memory) {
            if (Double.isNaN(first)) {
                first = loss;
            }
            if (loss > limit()) {
                end(RateCurve.End.LOSS_ROSE);
            }
            least = Math.min(least, loss);
        }
        if (update + 1 >= updates) {
            end(RateCurve.End.AT_THE_LAST_RATE);
        }
        if (update + 1 >= memory && (ended || update % Math.max(1, updates / POINTS) == 0)) {
            points.add(new RateCurve.Point(schedule.rate(range.from(), update), loss));
        }
    }

    /// The smoothed loss at which the test ends. There is none for a loss that can be negative (a log-likelihood),
    /// because a multiple of a negative minimum is not above it.
    private double limit() {
        return least > 0 ? EXCESS_MAX * least : least + (EXCESS_MAX - 1) * Math.max(first - least, -least);
    }

    private void end(RateCurve.End why) {
        if (!ended) {
            ended = true;
            end = why;
        }
    }

    /// The curve measured so far.
    public RateCurve curve() {
        return new RateCurve(points, end, keep, model.parameters().updates(), events, deadLetters);
    }
}
