package io.tidegrad.scorer;

/// No version serves, because no snapshot has been admitted yet or because the model was deleted: there is nothing to
/// answer with. Never answered with a model of zeros.
public final class NotReadyException extends IllegalStateException {
    NotReadyException(String model) {
        super("no version of model '" + model
                + "' serves: no snapshot has been admitted yet, or the model was deleted; Scorer.status says which,"
                + " awaitReady waits for the first");
    }
}
