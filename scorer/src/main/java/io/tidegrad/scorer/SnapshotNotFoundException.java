package io.tidegrad.scorer;

/// A snapshot is not on the topic or fails its checks. The message says what was looked for and what is there.
public final class SnapshotNotFoundException extends RuntimeException {
    SnapshotNotFoundException(String message) {
        super(message);
    }
}
