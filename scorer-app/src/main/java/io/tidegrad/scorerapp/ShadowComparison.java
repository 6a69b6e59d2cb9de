package io.tidegrad.scorerapp;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.ServedVersion;
import org.jspecify.annotations.Nullable;

/// Compares a shadow's predictions with the live model's, since the process began and in the current window.
/// Thread-safe.
final class ShadowComparison {
    private final Sums total = new Sums();
    private Sums window = new Sums();

    /// @param records number of records that both have scored
    /// @param agreed number of these with the same likeliest class; 0 if the models don't classify
    /// @param meanDifference mean over the records of the mean absolute difference of the outputs; NaN without records
    /// @param greatestDifference largest difference of an output
    /// @param liveMean mean of the live model's first output; NaN without records
    /// @param shadowMean mean of the shadow's first output; NaN without records
    /// @param refused number of records that the shadow could not score, or not comparably
    /// @param dropped number of records for which it had no time
    /// @param classifies whether the models classify
    /// @param live newest predictions of the live model; null without records
    /// @param shadow newest predictions of the shadow; null without records
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

    /// Returns whether the outputs of the two models have the same meaning.
    static boolean isComparable(ServedVersion live, ServedVersion shadow) {
        return live.outputs() == shadow.outputs() && live.spec().outputs() == shadow.spec().outputs()
                && live.spec().classifies() == shadow.spec().classifies()
                && live.spec().loss().link() == shadow.spec().loss().link();
    }

    /// @param live predictions for the same records in the same order, by a comparable model
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
            int numbers = Math.max(live.numbers()[record], shadow.numbers()[record]);
            for (int output = 0; output < numbers; output++) {
                double difference = Math.abs(live.probability(record, output) - shadow.probability(record, output));
                sum += difference;
                to.greatest = Math.max(to.greatest, difference);
            }
            to.records++;
            to.difference += sum / Math.max(1, numbers);
            to.live += live.probability(record, 0);
            to.shadow += shadow.probability(record, 0);
            if (spec.classifies() && isAgreed(spec, live, shadow, record)) {
                to.agreed++;
            }
        }
    }

    /// Returns whether both decide alike, in every step.
    private static boolean isAgreed(ModelSpec spec, Predictions live, Predictions shadow, int record) {
        for (int step = 0; step < live.numbers()[record]; step += spec.outputs()) {
            if (decision(spec, live, record, step) != decision(spec, shadow, record, step)) {
                return false;
            }
        }
        return live.numbers()[record] == shadow.numbers()[record];
    }

    /// Returns the likeliest class; for a binary model, whether it is the positive one.
    ///
    /// @param from the first of the outputs
    private static int decision(ModelSpec spec, Predictions predictions, int record, int from) {
        if (spec.outputs() == 1) {
            float threshold = JsonResponses.areProbabilities(spec.loss()) ? 0.5f : 0;
            return predictions.probability(record, from) >= threshold ? 1 : 0;
        }
        int likeliest = 0;
        for (int output = 1; output < spec.outputs(); output++) {
            if (predictions.probability(record, from + output) > predictions.probability(record, from + likeliest)) {
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

    /// Ends the window and begins the next.
    synchronized Figures takeWindow() {
        Figures figures = window.figures();
        window = new Sums();
        return figures;
    }
}
