package io.tidegrad.trainer.store;

/// A snapshot that is on the snapshots topic, until the trainer buries it with tombstones.
public record RetainedSnapshot(long version, int parts) {}
