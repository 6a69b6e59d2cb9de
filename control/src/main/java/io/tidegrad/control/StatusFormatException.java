package io.tidegrad.control;

/// Bytes that are not a status record, or one of a newer build: what was expected, what was found.
public final class StatusFormatException extends RuntimeException {
    public StatusFormatException(String message) {
        super(message);
    }
}
