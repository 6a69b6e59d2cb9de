package io.tidegrad.replay.backtest;

import io.tidegrad.model.evaluation.MetricTask;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.spec.ModelSpec;
import java.util.function.ToDoubleFunction;

/// The one number by which models of a task are compared: lower is better.
public enum Headline {
    LOG_LOSS("log loss", ProgressiveEvaluation::logLoss, ProgressiveEvaluation::priorLogLoss,
            ProgressiveEvaluation::linearLogLoss),
    SQUARED_ERROR("squared error", ProgressiveEvaluation::meanSquaredError,
            ProgressiveEvaluation::priorMeanSquaredError, ProgressiveEvaluation::linearMeanSquaredError),
    /// Of margins, which are no probabilities.
    ERROR_RATE("error rate", evaluation -> 1 - evaluation.accuracy(), evaluation -> Double.NaN,
            ProgressiveEvaluation::linearErrorRate);

    private final String label;
    private final ToDoubleFunction<ProgressiveEvaluation> loss;
    private final ToDoubleFunction<ProgressiveEvaluation> prior;
    private final ToDoubleFunction<ProgressiveEvaluation> linear;

    Headline(String label, ToDoubleFunction<ProgressiveEvaluation> loss, ToDoubleFunction<ProgressiveEvaluation> prior,
            ToDoubleFunction<ProgressiveEvaluation> linear) {
        this.label = label;
        this.loss = loss;
        this.prior = prior;
        this.linear = linear;
    }

    public static Headline of(ModelSpec spec) {
        MetricTask task = MetricTask.of(spec);
        return !task.classifies() ? SQUARED_ERROR : task.givesProbabilities() ? LOG_LOSS : ERROR_RATE;
    }

    /// `log loss`
    public String label() {
        return label;
    }

    /// Mean over an evaluation's rows.
    double loss(ProgressiveEvaluation evaluation) {
        return loss.applyAsDouble(evaluation);
    }

    /// The same of the running prior; NaN if it has none.
    double prior(ProgressiveEvaluation evaluation) {
        return prior.applyAsDouble(evaluation);
    }

    /// The same of a linear model that learns the same; NaN if there is none.
    double linear(ProgressiveEvaluation evaluation) {
        return linear.applyAsDouble(evaluation);
    }
}
