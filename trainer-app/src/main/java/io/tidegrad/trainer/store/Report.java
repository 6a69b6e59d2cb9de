package io.tidegrad.trainer.store;

import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ProgressiveEvaluation;

/// Measures of a model at one watermark. A replay of the log up to `nextOffset` must give the same hashes.
public record Report(long nextOffset, long version, String weightsHash, String stateHash, double logLoss,
        double priorLogLoss, double accuracy, double accuracyLast2000, double auc, double meanSquaredError,
        double priorMeanSquaredError, double meanAbsoluteError) {
    /// Makes a report, for which it hashes the whole model: milliseconds for a small one, about a second for a
    /// gigabyte.
    public static Report of(OnlineModel model, long nextOffset) {
        ProgressiveEvaluation evaluation = model.evaluation();
        String weightsHash = model.weightsHash();
        return new Report(nextOffset, model.parameters().updates(), weightsHash, model.stateHash(weightsHash),
                evaluation.logLoss(), evaluation.priorLogLoss(), evaluation.accuracy(), evaluation.accuracyLast2000(),
                evaluation.auc(), evaluation.meanSquaredError(), evaluation.priorMeanSquaredError(),
                evaluation.meanAbsoluteError());
    }
}
