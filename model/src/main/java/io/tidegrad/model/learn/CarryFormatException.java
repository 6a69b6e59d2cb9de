package io.tidegrad.model.learn;

/// A carry can't be read. The message says what was expected and what was found.
public final class CarryFormatException extends RuntimeException {
    public CarryFormatException(String message) {
        super(message);
    }
}
