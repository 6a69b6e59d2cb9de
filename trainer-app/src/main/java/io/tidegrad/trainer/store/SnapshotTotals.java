package io.tidegrad.trainer.store;

/// What a process has published of one model, and what of it is on the topic.
///
/// @param fulls full snapshots since the process started
/// @param deltas since the process started
/// @param fullBytes of the records of those full snapshots
/// @param deltaBytes of the records of those deltas
/// @param buried snapshots retired since the process started
/// @param chain deltas since the newest full snapshot
/// @param retained snapshots on the topic
/// @param retainedBytes of their records, as far as known
/// @param unsentParts of a full snapshot that is being written over several commits
public record SnapshotTotals(long fulls, long deltas, long fullBytes, long deltaBytes, long buried, int chain,
        int retained, long retainedBytes, int unsentParts) {
    public static final SnapshotTotals NONE = new SnapshotTotals(0, 0, 0, 0, 0, 0, 0, 0, 0);
}
