package io.tidegrad.control;

/// Bytes that are not a control record, or one of a newer build: what was expected, what was found.
public final class ControlFormatException extends RuntimeException {
    public ControlFormatException(String message) {
        super(message);
    }
}
