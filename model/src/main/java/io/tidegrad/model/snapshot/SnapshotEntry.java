package io.tidegrad.model.snapshot;

/// One record of a snapshots topic.
public record SnapshotEntry(byte[] key, byte[] value) {
}
