package io.tidegrad.model.snapshot;

/// Bytes of a snapshot can't be read. The message says what was expected and what was found.
public final class SnapshotFormatException extends RuntimeException {
    public SnapshotFormatException(String message) {
        super(message);
    }
}
