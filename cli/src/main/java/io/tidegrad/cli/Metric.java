package io.tidegrad.cli;

import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/// A progressive metric. One that a task does not have is NaN.
///
/// @param prior the same of the running prior; NaN if it has none
/// @param linear of a linear model that learns the same, likewise
/// @param higherIsBetter false if lower is better
record Metric(String name, ToDoubleFunction<ProgressiveEvaluation> value, ToDoubleFunction<ProgressiveEvaluation> prior,
        ToDoubleFunction<ProgressiveEvaluation> linear, boolean higherIsBetter) {
    static final List<Metric> ALL = List.of(
            new Metric("log loss", ProgressiveEvaluation::logLoss, ProgressiveEvaluation::priorLogLoss,
                    ProgressiveEvaluation::linearLogLoss, false),
            withoutPrior("AUC", ProgressiveEvaluation::auc, true),
            withoutPrior("accuracy", ProgressiveEvaluation::accuracy, true),
            withoutPrior("accuracy last 2000", ProgressiveEvaluation::accuracyLast2000, true),
            new Metric("mean squared error", ProgressiveEvaluation::meanSquaredError,
                    ProgressiveEvaluation::priorMeanSquaredError, ProgressiveEvaluation::linearMeanSquaredError, false),
            withoutPrior("mean absolute error", ProgressiveEvaluation::meanAbsoluteError, false));

    private static Metric withoutPrior(String name, ToDoubleFunction<ProgressiveEvaluation> value,
            boolean higherIsBetter) {
        return new Metric(name, value, evaluation -> Double.NaN, evaluation -> Double.NaN, higherIsBetter);
    }

    String key() {
        return name.replace(' ', '_').toLowerCase(Locale.ROOT);
    }

    /// Those that a task has.
    static List<Metric> of(ProgressiveEvaluation evaluation) {
        return ALL.stream().filter(metric -> !Double.isNaN(metric.value.applyAsDouble(evaluation))).toList();
    }

    /// Returns by how much `a` is better than `b`: negative if it is worse, NaN if the metric does not apply.
    double lead(ProgressiveEvaluation a, ProgressiveEvaluation b) {
        double difference = value.applyAsDouble(a) - value.applyAsDouble(b);
        return higherIsBetter ? difference : -difference;
    }

    /// `0.4321`; `-` for NaN.
    static String text(double value) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, Math.abs(value) < 1000 ? "%.4f" : "%,.1f", value);
    }
}
