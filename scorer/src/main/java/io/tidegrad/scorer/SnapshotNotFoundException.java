package io.tidegrad.scorer;

/// A snapshot that is not on the topic, or is not sound: what was looked for, what is there.
public final class SnapshotNotFoundException extends RuntimeException {
    SnapshotNotFoundException(String message) {
        super(message);
    }
}
