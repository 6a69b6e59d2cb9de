package io.tidegrad.scorer;

/// What following has cost since the process started.
///
/// @param fulls number of full snapshots admitted
/// @param deltas number of deltas admitted
/// @param fallbacks number of full snapshots that were admitted after deltas had been refused because their parent was
///     missing
/// @param broughtBack number of earlier versions that a rollback served again
/// @param records number of records read from the topic; a record that was read twice counts twice
/// @param bytes size of their keys and values
/// @param copiedBytes memory allocated for admitted versions, without what they share with the version before
public record SnapshotReading(long fulls, long deltas, long fallbacks, long broughtBack, long records, long bytes,
        long copiedBytes) {
}
