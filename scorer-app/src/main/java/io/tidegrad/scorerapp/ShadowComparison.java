package io.tidegrad.scorerapp;

import io.tidegrad.model.evaluation.MetricTask;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.ServedVersion;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Compares a shadow's predictions with the live model's, since the process began and in the current window.
/// Thread-safe.
final class ShadowComparison {
    private final Sums total = new Sums();
    private Sums window = new Sums();

    /// @param records number of records that both have scored
    /// @param agreed number of these with the same likeliest class, of those that have a name if they are learned; 0 if
    ///     the models don't classify
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

    /// The names by which the outputs of two models are compared, because one of them learns what its classes are: what
    /// is one model's first class may be the other one's third.
    ///
    /// @param live of the live model's outputs, each at its index
    /// @param shadow likewise
    record Names(List<String> live, List<String> shadow) {
        /// Returns what the models are compared by; null if their outputs are alike by index.
        static @Nullable Names of(ServedVersion live, ServedVersion shadow) {
            return live.spec().label().learnsClasses() || shadow.spec().label().learnsClasses()
                    ? new Names(live.classes(), shadow.classes()) : null;
        }

        /// Returns the classes that both have.
        List<String> common() {
            return live.stream().filter(shadow::contains).toList();
        }
    }

    /// Returns whether the outputs of the two models have the same meaning. By name they are compared if both have
    /// names, one of them in common.
    static boolean isComparable(ServedVersion live, ServedVersion shadow) {
        Names names = Names.of(live, shadow);
        return names != null ? !names.common().isEmpty()
                : live.outputs() == shadow.outputs() && live.spec().outputs() == shadow.spec().outputs()
                        && live.spec().classifies() == shadow.spec().classifies()
                        && live.spec().loss().link() == shadow.spec().loss().link();
    }

    /// @param live predictions for the same records in the same order, by a comparable model
    /// @param names of their outputs, if they are compared by these
    synchronized void compare(ModelSpec spec, @Nullable Names names, Predictions live, Predictions shadow) {
        if (names != null) {
            add(total, names, live, shadow);
            add(window, names, live, shadow);
        } else {
            add(total, spec, live, shadow);
            add(window, spec, live, shadow);
        }
    }

    private static void add(Sums to, Names names, Predictions live, Predictions shadow) {
        int[] ours = names.common().stream().mapToInt(names.live::indexOf).toArray();
        int[] theirs = names.common().stream().mapToInt(names.shadow::indexOf).toArray();
        to.classifies = true;
        to.newestLive = live;
        to.newestShadow = shadow;
        for (int record = 0; record < live.size(); record++) {
            double sum = 0;
            for (int i = 0; i < ours.length; i++) {
                double difference = Math.abs(live.probability(record, ours[i]) - shadow.probability(record, theirs[i]));
                sum += difference;
                to.greatest = Math.max(to.greatest, difference);
            }
            to.records++;
            to.difference += sum / ours.length;
            to.live += live.probability(record, ours[0]);
            to.shadow += shadow.probability(record, theirs[0]);
            if (decision(names.live, live, record).equals(decision(names.shadow, shadow, record))) {
                to.agreed++;
            }
        }
    }

    /// Returns the name of the likeliest class that has one.
    private static String decision(List<String> names, Predictions predictions, int record) {
        return names
                .get(MetricTask.likeliest(predictions.probabilities(), record * predictions.outputs(), names.size()));
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
        return MetricTask.likeliest(predictions.probabilities(), record * predictions.outputs() + from, spec.outputs());
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
