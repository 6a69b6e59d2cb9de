package io.tidegrad.model.learn;

/// The model itself gives a loss that is not finite: no event is to blame; the message says step, loss and remedy.
public final class ModelDivergedException extends RuntimeException {
    public ModelDivergedException(String message) {
        super(message);
    }
}
