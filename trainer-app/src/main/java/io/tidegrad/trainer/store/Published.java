package io.tidegrad.trainer.store;

import io.tidegrad.control.ControlRecord;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a publisher has made visible of a model so far.
///
/// @param retained the snapshots on the topic, oldest first; the store's manifest keeps this list
/// @param totals counts of this process
/// @param report the newest report, perhaps of an earlier watermark; null before the first one
/// @param waitsForLabels whether the gate lets nothing pass before more labels have come
/// @param fault why it does not, for people; null if nothing is wrong
/// @param hold the note of the newest fault that this process has found; it stays when the fault is gone
public record Published(List<RetainedSnapshot> retained, SnapshotTotals totals, @Nullable Report report,
        boolean waitsForLabels, @Nullable String fault, @Nullable ControlRecord hold) {
    static final Published NOTHING = of(List.of(), null);

    public Published {
        retained = List.copyOf(retained);
    }

    static Published of(List<RetainedSnapshot> retained, @Nullable Report report) {
        return new Published(retained, SnapshotTotals.NONE, report, false, null, null);
    }

    public Published with(Report report) {
        return new Published(retained, totals, report, waitsForLabels, fault, hold);
    }

    public Published with(List<RetainedSnapshot> retained, SnapshotTotals totals) {
        return new Published(retained, totals, report, waitsForLabels, fault, hold);
    }

    public Published atGate(boolean waitsForLabels, @Nullable String fault) {
        return new Published(retained, totals, report, waitsForLabels, fault, hold);
    }

    public Published with(ControlRecord hold) {
        return new Published(retained, totals, report, waitsForLabels, fault, hold);
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
