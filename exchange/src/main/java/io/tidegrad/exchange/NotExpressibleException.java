package io.tidegrad.exchange;

/// ONNX can't express the model. The message names the layer and says why.
public final class NotExpressibleException extends RuntimeException {
    public NotExpressibleException(String message) {
        super(message);
    }
}
