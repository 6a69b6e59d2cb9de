package io.tidegrad.trainer.store;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a publisher has made visible of a model so far.
///
/// @param retained the snapshots on the topic, oldest first; the store's manifest keeps this list
/// @param totals counts of this process
/// @param report the newest report, perhaps of an earlier watermark; null before the first one
public record Published(List<RetainedSnapshot> retained, SnapshotTotals totals, @Nullable Report report) {
    static final Published NOTHING = new Published(List.of(), SnapshotTotals.NONE, null);

    public Published {
        retained = List.copyOf(retained);
    }

    /// Returns the newest version on the topic, or -1 if there is none.
    public long version() {
        for (RetainedSnapshot snapshot : retained.reversed()) {
            if (snapshot.complete()) {
                return snapshot.version();
            }
        }
        return -1;
    }
}
