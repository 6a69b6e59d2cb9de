package io.tidegrad.model.learn;

/// A carry whose bytes are not what they should be: what was expected, what was found.
public final class CarryFormatException extends RuntimeException {
    public CarryFormatException(String message) {
        super(message);
    }
}
