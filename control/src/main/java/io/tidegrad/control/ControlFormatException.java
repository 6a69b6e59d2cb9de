package io.tidegrad.control;

/// Thrown for bytes that are no record of the control topic, the catalog or the status topic, or that a newer build
/// wrote. The message says what was expected and what was found.
public final class ControlFormatException extends RuntimeException {
    public ControlFormatException(String message) {
        super(message);
    }
}
