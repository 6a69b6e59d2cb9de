package io.tidegrad.trainer.store;

import io.tidegrad.control.ControlRecord;
import org.jspecify.annotations.Nullable;

/// What the last commit made durable and visible. Immutable, so that any thread may read it.
///
/// @param nextOffset the watermark, the offset in the log before which everything is consumed
/// @param groupOffset the committed offset of the consumer group; only transaction markers and aborted records lie
///     between it and the watermark; -1 if this process has not committed yet
/// @param version the number of updates
/// @param examples rows learned
/// @param pending rows that were taken but not learned yet
/// @param publishedVersion the newest published version; -1 if there is none
/// @param waitsForLabels whether the gate lets no version pass before more labels have come
/// @param fault why it does not, for people; null if nothing is wrong
/// @param hold see `Published`
/// @param newestAppendTime timestamp of the newest accepted record (epoch ms); Long.MIN_VALUE if there is none
/// @param commits number of commits with changes since this lineage began
/// @param report the newest one, perhaps of an earlier watermark; null before the first
public record CommittedState(long nextOffset, long groupOffset, long version, long examples, int pending,
        long publishedVersion, boolean waitsForLabels, @Nullable String fault, @Nullable ControlRecord hold,
        SnapshotTotals snapshots, Accounts accounts, long newestAppendTime, long commits, @Nullable Report report,
        StoreStatus store) {
    CommittedState withGroupOffset(long groupOffset) {
        return new CommittedState(nextOffset, groupOffset, version, examples, pending, publishedVersion, waitsForLabels,
                fault, hold, snapshots, accounts, newestAppendTime, commits, report, store);
    }

    /// Returns whether everything that was committed is also reported and, if the gate lets it pass, published.
    public boolean settled() {
        return report != null && report.nextOffset() == nextOffset
                && (version == 0 || publishedVersion >= version || waitsForLabels);
    }

    /// Returns whether a restart needs no event of the log.
    public boolean isWhole() {
        return store.imageOffset() == nextOffset;
    }
}
