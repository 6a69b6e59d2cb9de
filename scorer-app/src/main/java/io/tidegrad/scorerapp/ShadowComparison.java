package io.tidegrad.scorerapp;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.ServedModel;

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
    record Figures(
            long records,
            long agreed,
            double meanDifference,
            double greatestDifference,
            double liveMean,
            double shadowMean,
            long refused,
            long dropped) {}

    private static final class Sums {
        long records;
        long agreed;
        double difference;
        double greatest;
        double live;
        double shadow;
        long refused;
        long dropped;

        Figures figures() {
            return new Figures(
                    records,
                    agreed,
                    difference / records,
                    greatest,
                    live / records,
                    shadow / records,
                    refused,
                    dropped);
        }
    }

    /// Whether the numbers of the two mean the same.
    static boolean isComparable(ServedModel live, ServedModel shadow) {
        return live.outputs() == shadow.outputs()
                && live.spec().classifies() == shadow.spec().classifies()
                && live.spec().loss().link() == shadow.spec().loss().link();
    }

    /// @param live of the same records, in the same order, of comparable models
    synchronized void compare(ModelSpec spec, Predictions live, Predictions shadow) {
        for (int record = 0; record < live.size(); record++) {
            double sum = 0;
            double greatest = 0;
            for (int output = 0; output < live.outputs(); output++) {
                double difference =
                        Math.abs(
                                live.probability(record, output)
                                        - shadow.probability(record, output));
                sum += difference;
                greatest = Math.max(greatest, difference);
            }
            boolean agree =
                    spec.classifies()
                            && decision(spec, live, record) == decision(spec, shadow, record);
            add(total, live, shadow, record, sum / live.outputs(), greatest, agree);
            add(window, live, shadow, record, sum / live.outputs(), greatest, agree);
        }
    }

    private static void add(
            Sums to,
            Predictions live,
            Predictions shadow,
            int record,
            double difference,
            double greatest,
            boolean agree) {
        to.records++;
        to.agreed += agree ? 1 : 0;
        to.difference += difference;
        to.greatest = Math.max(to.greatest, greatest);
        to.live += live.probability(record, 0);
        to.shadow += shadow.probability(record, 0);
    }

    /// The likeliest class; of a binary model whether it is the positive one.
    private static int decision(ModelSpec spec, Predictions predictions, int record) {
        if (predictions.outputs() == 1) {
            float threshold = Answers.areProbabilities(spec.loss()) ? 0.5f : 0;
            return predictions.probability(record, 0) >= threshold ? 1 : 0;
        }
        int likeliest = 0;
        for (int output = 1; output < predictions.outputs(); output++) {
            if (predictions.probability(record, output)
                    > predictions.probability(record, likeliest)) {
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
