package io.tidegrad.scorer;

/// What following has cost since the process started.
///
/// @param fulls full snapshots admitted
/// @param deltas admitted
/// @param fallbacks full snapshots admitted after a delta whose parent was missing, which was mended by it
/// @param broughtBack earlier versions that a rollback serves again
/// @param records read from the topic, those read twice counted twice
/// @param bytes of their keys and values
/// @param copiedBytes of memory for admitted versions, beyond what they share with the version before
public record SnapshotReading(long fulls, long deltas, long fallbacks, long broughtBack, long records, long bytes,
        long copiedBytes) {
}
