package io.tidegrad.trainer.store;

/// How the model is kept, as of a commit: for health and metrics.
///
/// @param reason why it is kept so
/// @param commitIntervalMillis until the next commit, while there is something to commit
/// @param changedBytes of the pages that changed since the commit before
/// @param changedBytesPerSecond what a page log would write at its longest interval; NaN while not measured
/// @param image number of the newest whole image, 0 before the first; of a page log the one it goes on from
/// @param imageOffset the state in the changelog is as of here: a restart learns again from this offset on
/// @param imagePages of the image in progress that are written; -1 when none is in progress
/// @param pages of the model
/// @param redoEvents that a restart would learn again
/// @param redoMillis about how long that would take
/// @param retainedUntilMillis about when retention may delete the first of them (epoch ms); Long.MAX_VALUE when never,
///     or when there is nothing to learn again
public record StoreStatus(StoreKind kind, String reason, long commitIntervalMillis, long changedBytes,
        double changedBytesPerSecond, long image, long imageOffset, int imagePages, int pages, long redoEvents,
        long redoMillis, long retainedUntilMillis) {
    public static final int NO_IMAGE = -1;
}
