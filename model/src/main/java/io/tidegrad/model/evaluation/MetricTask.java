package io.tidegrad.model.evaluation;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.model.spec.ModelSpec;
import java.util.List;

/// What a prediction is, which decides the metrics that it has.
///
/// @param outputs floats of a prediction, of a label with a class for each step those of one step
/// @param point index of the output that is taken for the number
/// @param threshold the least prediction that is a yes
public record MetricTask(Kind kind, int outputs, int point, float threshold) {
    /// Kinds of predictions.
    public enum Kind {
        /// A probability of yes; labels are 0 and 1.
        BINARY,
        /// A margin; labels are -1 and 1.
        MARGIN,
        /// A probability for each class.
        CATEGORICAL,
        /// The same for each step.
        STEPS,
        /// A sequence of classes.
        SEQUENCE,
        /// A number.
        REGRESSION
    }

    /// The task of a spec. One half, and the margin 0, are a no.
    public static MetricTask of(ModelSpec spec) {
        return switch (spec.loss()) {
            case BinaryCrossEntropy _ -> binary(Math.nextUp(0.5f));
            case Hinge _ -> new MetricTask(Kind.MARGIN, 1, 0, Math.nextUp(0f));
            case Ctc _ -> new MetricTask(Kind.SEQUENCE, spec.outputs(), 0, 0);
            case Quantile(List<Double> quantiles) ->
                new MetricTask(Kind.REGRESSION, spec.outputs(), middle(quantiles), 0);
            default -> spec.label().isList() ? new MetricTask(Kind.STEPS, spec.outputs(), 0, 0) : spec.classifies()
                    ? categorical(spec.outputs()) : new MetricTask(Kind.REGRESSION, spec.outputs(), 0, 0);
        };
    }

    public static MetricTask binary(float threshold) {
        return new MetricTask(Kind.BINARY, 1, 0, threshold);
    }

    public static MetricTask categorical(int classes) {
        return new MetricTask(Kind.CATEGORICAL, classes, 0, 0);
    }

    public static MetricTask regression() {
        return new MetricTask(Kind.REGRESSION, 1, 0, 0);
    }

    /// Index of the quantile nearest to the median; the first one of a tie.
    private static int middle(List<Double> quantiles) {
        int best = 0;
        for (int i = 1; i < quantiles.size(); i++) {
            double distance = Math.abs(quantiles.get(i) - 0.5);
            best = distance < Math.abs(quantiles.get(best) - 0.5) ? i : best;
        }
        return best;
    }

    /// Whether labels are yes or no.
    public boolean isOfYesOrNo() {
        return kind == Kind.BINARY || kind == Kind.MARGIN;
    }

    /// Whether labels are classes; otherwise they are numbers.
    public boolean classifies() {
        return kind != Kind.REGRESSION;
    }

    /// Whether predictions are probabilities, so that there is a log loss.
    public boolean givesProbabilities() {
        return kind != Kind.REGRESSION && kind != Kind.MARGIN;
    }

    /// How many classes a label can be; 0 where it is none, or more than one.
    public int classes() {
        return switch (kind) {
            case BINARY, MARGIN -> 2;
            case CATEGORICAL, STEPS -> outputs;
            case SEQUENCE, REGRESSION -> 0;
        };
    }

    /// What a prediction loses: log loss, of margins 1 for the wrong side, of numbers the squared error.
    public double loss(float[] predictions, int at, float label) {
        return switch (kind) {
            case BINARY -> label != 0 ? MetricSums.surprise(predictions[at], Float.MIN_NORMAL)
                    : MetricSums.surprise(1 - (double) predictions[at], MetricSums.LEAST_REST);
            case MARGIN -> isYes(predictions, at) == label > 0 ? 0 : 1;
            case CATEGORICAL, STEPS, SEQUENCE -> MetricSums.surprise(predictions[at + (int) label], Float.MIN_NORMAL);
            case REGRESSION -> {
                double error = (double) predictions[at + point] - label;
                yield error * error;
            }
        };
    }

    /// Whether the prediction at this index is a yes.
    boolean isYes(float[] predictions, int at) {
        return predictions[at] >= threshold;
    }

    /// Index, from `at`, of the largest prediction; the first one of a tie.
    public int likeliest(float[] predictions, int at) {
        return likeliest(predictions, at, outputs);
    }

    /// The same among the first `outputs`, at least one.
    public static int likeliest(float[] predictions, int at, int outputs) {
        int best = 0;
        for (int output = 1; output < outputs; output++) {
            if (predictions[at + output] > predictions[at + best]) {
                best = output;
            }
        }
        return best;
    }
}
