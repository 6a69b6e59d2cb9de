package io.tidegrad.model.evaluation;

import java.util.Locale;

/// What is watched for changes.
///
/// @param field of the events; empty if it is the model's labels, predictions or errors
public record Signal(Kind kind, String field) {
    /// Each is a mean of numbers from 0 to 1.
    public enum Kind {
        /// The label: yes, the class's number over the greatest one, or the number.
        LABEL("mean label", 4, false, 0),
        /// The prediction: the probability of yes, that of the likeliest class, or the number.
        PREDICTION("mean prediction", 4, false, 0),
        /// The probability that was not given to the label, or how far the number was off.
        ERROR("mean error", 1.65, true, 0),
        /// Whether the field's value is missing.
        MISSING("share of missing values", 4, false, 0.005),
        /// Whether the category was not seen before.
        UNSEEN("share of categories that were not seen before", 4, true, 0.005),
        /// Whether the number lies outside of the range before.
        OUT_OF_RANGE("share of numbers out of the range before", 4, true, 0.005),
        /// p / (1 + p) of the population stability index p: its odds are the index.
        SHAPE("population stability index", 2, true, 0.125 / 1.125),
        /// The area under the ROC curve of the field alone, which is no mean ([LeakAlarm]).
        LEAK("AUC of this field alone", 1, true, 0);

        private final String title;
        private final double factor;
        private final boolean onlyRise;
        private final double floor;

        Kind(String title, double factor, boolean onlyRise, double floor) {
            this.title = title;
            this.factor = factor;
            this.onlyRise = onlyRise;
            this.floor = floor;
        }

        /// Returns its name in health, metrics and the topic of progress.
        public String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        /// By what the odds of the mean must differ.
        double factor() {
            return factor;
        }

        /// Whether a lower mean is no alarm, as of a loss.
        boolean onlyRise() {
            return onlyRise;
        }

        /// A lower mean counts as this.
        double floor() {
            return floor;
        }

        /// A mean for people.
        double shown(double mean) {
            return this == SHAPE ? mean / (1 - mean) : mean;
        }
    }

    /// For people: `mean label`, or `field 'origin': share of missing values`.
    public String title() {
        return field.isEmpty() ? kind.title : "field '" + field + "': " + kind.title;
    }

    static Signal of(Kind kind) {
        return new Signal(kind, "");
    }
}
