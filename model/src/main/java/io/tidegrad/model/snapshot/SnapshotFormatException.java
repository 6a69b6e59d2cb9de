package io.tidegrad.model.snapshot;

/// Bytes that are not what they should be: what was expected, what was found.
public final class SnapshotFormatException extends RuntimeException {
    public SnapshotFormatException(String message) {
        super(message);
    }
}
