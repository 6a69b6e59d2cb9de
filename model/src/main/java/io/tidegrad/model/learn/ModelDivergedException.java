package io.tidegrad.model.learn;

/// The loss is not finite because of the model's weights, not because of an event. The message names the step, the loss
/// and the remedy.
public final class ModelDivergedException extends RuntimeException {
    public ModelDivergedException(String message) {
        super(message);
    }
}
