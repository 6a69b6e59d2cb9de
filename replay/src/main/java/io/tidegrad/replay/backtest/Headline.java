package io.tidegrad.replay.backtest;

import io.tidegrad.model.evaluation.MetricTask;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.spec.ModelSpec;

/// The one number by which models of a task are compared: lower is better.
public enum Headline {
    LOG_LOSS("log loss") {
        @Override
        double loss(ProgressiveEvaluation evaluation) {
            return evaluation.logLoss();
        }

        @Override
        double prior(ProgressiveEvaluation evaluation) {
            return evaluation.priorLogLoss();
        }

        @Override
        double linear(ProgressiveEvaluation evaluation) {
            return evaluation.linearLogLoss();
        }
    },
    SQUARED_ERROR("squared error") {
        @Override
        double loss(ProgressiveEvaluation evaluation) {
            return evaluation.meanSquaredError();
        }

        @Override
        double prior(ProgressiveEvaluation evaluation) {
            return evaluation.priorMeanSquaredError();
        }

        @Override
        double linear(ProgressiveEvaluation evaluation) {
            return evaluation.linearMeanSquaredError();
        }
    },
    /// Of margins, which are no probabilities.
    ERROR_RATE("error rate") {
        @Override
        double loss(ProgressiveEvaluation evaluation) {
            return 1 - evaluation.accuracy();
        }

        @Override
        double prior(ProgressiveEvaluation evaluation) {
            return Double.NaN;
        }

        @Override
        double linear(ProgressiveEvaluation evaluation) {
            return evaluation.linearErrorRate();
        }
    };

    private final String label;

    Headline(String label) {
        this.label = label;
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
    abstract double loss(ProgressiveEvaluation evaluation);

    /// The same of the running prior; NaN if it has none.
    abstract double prior(ProgressiveEvaluation evaluation);

    /// The same of a linear model that learns the same; NaN if there is none.
    abstract double linear(ProgressiveEvaluation evaluation);
}
