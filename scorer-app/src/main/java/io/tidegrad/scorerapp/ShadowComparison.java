package io.tidegrad.scorerapp;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.ServedVersion;
import org.jspecify.annotations.Nullable;

/// How a shadow's predictions differ from those of the model that answers: since the process began, and in the window
/// since it was last told. Thread-safe.
final class ShadowComparison {
    private final Sums total = new Sums();
    private Sums window = new Sums();

    /// @param records scored by both
    /// @param agreed of these, those whose likeliest class is the same; 0 where the models don't classify
    /// @param meanDifference of records, the mean over the outputs of the absolute difference; NaN without records
    /// @param greatestDifference of one output
    /// @param liveMean of the first output; NaN without records
    /// @param shadowMean likewise
    /// @param refused records that the shadow could not score, or not comparably
    /// @param dropped records that it had no time for
    /// @param classifies whether the models do
    /// @param live the newest predictions of the model that answered; null without records
    /// @param shadow likewise of the shadow
    record Figures(long records, long agreed, double meanDifference, double greatestDifference, double liveMean,
            double shadowMean, long refused, long dropped, boolean classifies, @Nullable Predictions live,
            @Nullable Predictions shadow) {
    }

    private static final class Sums {
        long records;
        long agreed;
        double difference;
        double greatest;
        double live;
        double shadow;
        long refused;
        long dropped;
        boolean classifies;
        @Nullable
        Predictions newestLive;
        @Nullable
        Predictions newestShadow;

        Figures figures() {
            return new Figures(records, agreed, difference / records, greatest, live / records, shadow / records,
                    refused, dropped, classifies, newestLive, newestShadow);
        }
    }

    /// Whether the numbers of the two mean the same.
    static boolean isComparable(ServedVersion live, ServedVersion shadow) {
        return live.outputs() == shadow.outputs() && live.spec().classifies() == shadow.spec().classifies()
                && live.spec().loss().link() == shadow.spec().loss().link();
    }

    /// @param live of the same records, in the same order, of comparable models
    synchronized void compare(ModelSpec spec, Predictions live, Predictions shadow) {
        add(total, spec, live, shadow);
        add(window, spec, live, shadow);
    }

    private static void add(Sums to, ModelSpec spec, Predictions live, Predictions shadow) {
        to.classifies = spec.classifies();
        to.newestLive = live;
        to.newestShadow = shadow;
        for (int record = 0; record < live.size(); record++) {
            double sum = 0;
            for (int output = 0; output < live.outputs(); output++) {
                double difference = Math.abs(live.probability(record, output) - shadow.probability(record, output));
                sum += difference;
                to.greatest = Math.max(to.greatest, difference);
            }
            to.records++;
            to.difference += sum / live.outputs();
            to.live += live.probability(record, 0);
            to.shadow += shadow.probability(record, 0);
            if (spec.classifies() && decision(spec, live, record) == decision(spec, shadow, record)) {
                to.agreed++;
            }
        }
    }

    /// The likeliest class; of a binary model whether it is the positive one.
    private static int decision(ModelSpec spec, Predictions predictions, int record) {
        if (predictions.outputs() == 1) {
            float threshold = JsonResponses.areProbabilities(spec.loss()) ? 0.5f : 0;
            return predictions.probability(record, 0) >= threshold ? 1 : 0;
        }
        int likeliest = 0;
        for (int output = 1; output < predictions.outputs(); output++) {
            if (predictions.probability(record, output) > predictions.probability(record, likeliest)) {
                likeliest = output;
            }
        }
        return likeliest;
    }

    synchronized void refused(int records) {
        total.refused += records;
        window.refused += records;
    }

    synchronized void dropped(int records) {
        total.dropped += records;
        window.dropped += records;
    }

    synchronized Figures total() {
        return total.figures();
    }

    /// Ends the window, and begins the next.
    synchronized Figures takeWindow() {
        Figures figures = window.figures();
        window = new Sums();
        return figures;
    }
}
