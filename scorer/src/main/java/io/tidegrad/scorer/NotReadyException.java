package io.tidegrad.scorer;

/// No snapshot has been admitted yet: there is nothing to answer with. Never answered with a model of zeros.
public final class NotReadyException extends IllegalStateException {
    NotReadyException(String model) {
        super(
                "no snapshot of model '"
                        + model
                        + "' has been admitted yet; awaitReady waits for the first");
    }
}
