package io.tidegrad.exchange;

/// A model that ONNX can't hold; the message names the layer and says why.
public final class NotExpressibleException extends RuntimeException {
    public NotExpressibleException(String message) {
        super(message);
    }
}
