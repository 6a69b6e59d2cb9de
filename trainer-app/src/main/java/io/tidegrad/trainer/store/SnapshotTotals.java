package io.tidegrad.trainer.store;

/// What this process has published of a model, and what of the model is on the topic.
///
/// @param fulls full snapshots since the process started
/// @param deltas deltas since the process started
/// @param fullBytes bytes of the records of those full snapshots
/// @param deltaBytes bytes of the records of those deltas
/// @param buried snapshots that were replaced by tombstones since the process started
/// @param chain deltas since the newest full snapshot
/// @param retained snapshots on the topic
/// @param retainedBytes bytes of their records
/// @param unsentParts parts that are left of a full snapshot that is spread over commits
public record SnapshotTotals(long fulls, long deltas, long fullBytes, long deltaBytes, long buried, int chain,
        int retained, long retainedBytes, int unsentParts) {
    public static final SnapshotTotals NONE = new SnapshotTotals(0, 0, 0, 0, 0, 0, 0, 0, 0);
}
