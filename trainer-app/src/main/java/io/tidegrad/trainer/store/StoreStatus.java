package io.tidegrad.trainer.store;

/// How the model is kept as of a commit, for health and metrics.
///
/// @param reason why it is kept so
/// @param commitIntervalMillis time between two commits while there is something to commit
/// @param changedBytes bytes of the pages that changed since the commit before
/// @param changedBytesPerSecond what a page log would write at its longest interval; NaN if it is not measured
/// @param image number of the newest whole image, 0 before the first; in a page log the one from which it went on
/// @param imageOffset the watermark of the state in the changelog, from which a restart learns again
/// @param imagePages pages of the image in progress that are written; -1 if none is in progress
/// @param pages how many pages the model has
/// @param redoEvents how many events a restart would learn again
/// @param redoMillis about how long that would take
/// @param retainedUntilMillis about when retention may delete the first of them (epoch ms); Long.MAX_VALUE for never
public record StoreStatus(StoreKind kind, String reason, long commitIntervalMillis, long changedBytes,
        double changedBytesPerSecond, long image, long imageOffset, int imagePages, int pages, long redoEvents,
        long redoMillis, long retainedUntilMillis) {
    public static final int NO_IMAGE = -1;
}
