package io.tidegrad.trainer.store;

import org.jspecify.annotations.Nullable;

/// What the last commit made durable and visible; never taken back. Immutable, so that any thread may read it.
///
/// @param nextOffset the watermark: the next offset of the log of record, exclusive
/// @param groupOffset the consumer group's committed offset; beyond the watermark by transaction markers and aborted
///     records only; -1 when this process has not committed yet
/// @param version the model's update count
/// @param examples rows learned
/// @param pending rows accepted but not yet learned
/// @param publishedVersion of the newest snapshot; -1 when there is none
/// @param snapshots what was published
/// @param newestAppendTime record timestamp (epoch ms) of the newest accepted event; Long.MIN_VALUE when there is none
/// @param commits with changes since this lineage began
/// @param report the newest one, perhaps of an earlier watermark; null before the first
/// @param store how the model is kept
public record CommittedState(long nextOffset, long groupOffset, long version, long examples, int pending,
        long publishedVersion, SnapshotTotals snapshots, Accounts accounts, long newestAppendTime, long commits,
        @Nullable Report report, StoreStatus store) {
    CommittedState withGroupOffset(long groupOffset) {
        return new CommittedState(nextOffset, groupOffset, version, examples, pending, publishedVersion, snapshots,
                accounts, newestAppendTime, commits, report, store);
    }

    /// Everything committed is also reported and published: nothing will change until the next event.
    public boolean settled() {
        return report != null && report.nextOffset() == nextOffset && (version == 0 || publishedVersion >= version);
    }

    /// A restart needs nothing of the log.
    public boolean isWhole() {
        return store.imageOffset() == nextOffset || store.kind() == StoreKind.PAGE_LOG;
    }
}
