package io.tidegrad.model.snapshot;

/// Key of a record on `tidegrad.snapshots.{model}`. Fixed 21 bytes, big-endian so that keys sort: kind (1), epoch (4),
/// version (8), part (8 → int). Heartbeats have one fixed key.
///
/// @param kind what the value is
/// @param epoch raised by rollback or re-creation
/// @param version update count
/// @param part number from 0; 0 for manifests and heartbeats
public record SnapshotKey(Kind kind, int epoch, long version, int part) {
    public enum Kind {
        PART,
        MANIFEST,
        HEARTBEAT
    }

    public byte[] encode() {
        throw new UnsupportedOperationException();
    }

    /// @throws SnapshotFormatException
    public static SnapshotKey decode(byte[] bytes) {
        throw new UnsupportedOperationException();
    }
}
