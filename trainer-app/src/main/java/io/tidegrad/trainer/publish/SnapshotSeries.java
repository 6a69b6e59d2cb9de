package io.tidegrad.trainer.publish;

import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.trainer.store.RetainedSnapshot;
import io.tidegrad.trainer.store.SnapshotTotals;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Writes one snapshot after the other: full ones, deltas between them, and tombstones for what the ladder does not
/// keep. Each call takes and returns the list of what is on the topic. The list belongs to the store's manifest, so
/// that list and topic change in one transaction. After a start it is not known what has changed since the last
/// snapshot, so the first one is full (docs/decisions/0007-deltas.md), and so is the one after a snapshot that was cut
/// and not published.
public final class SnapshotSeries {
    /// A reader that begins should not read more bytes of changes than the whole model has, or than it reads in a moment: of
    /// a small model that gets few events, full snapshots would be most of what is written.
    private static final long CHAIN_BYTES_LEAST = 512 << 10;

    /// @param deltasMax the most deltas between two full snapshots
    /// @param commitBytes how many bytes of a snapshot's parts one transaction takes; a larger full snapshot is spread
    ///     over several
    public record Settings(int deltasMax, RetentionLadder ladder, PublishedSnapshot.Form form, long commitBytes) {
    }

    @FunctionalInterface
    interface Out {
        /// @param value null for a tombstone
        /// @param time of the record, epoch ms
        void forward(byte[] key, byte @Nullable [] value, long time);
    }

    private final Settings settings;
    private @Nullable PublishedSnapshot cut; // and not begun
    private long cutTime;
    private boolean fullNext;
    private @Nullable PublishedSnapshot sending;
    private long sendingTime;
    private int sent; // records of it
    private SnapshotTotals totals = SnapshotTotals.NONE;

    SnapshotSeries(Settings settings) {
        this.settings = settings;
    }

    SnapshotTotals totals() {
        return totals;
    }

    /// Returns whether a snapshot is begun and not complete. Then `goOn` must complete it before the next `begin`.
    boolean isSending() {
        return sending != null;
    }

    /// Gives up a snapshot that is cut or begun and not complete.
    void forget() {
        fullNext |= cut != null || sending != null;
        cut = null;
        sending = null;
        sent = 0;
    }

    /// Cuts a snapshot from the model, which `begin` publishes or `forget` gives up.
    ///
    /// @param retained what is on the topic, oldest first
    void cut(OnlineModel model, List<RetainedSnapshot> retained, PublishedSnapshot.Moment moment) {
        JfrPublish recorded = new JfrPublish();
        recorded.begin();
        PublishedSnapshot.Parent parent =
                parent(model, retained.stream().filter(RetainedSnapshot::complete).toList(), moment.time());
        cut = parent == null ? PublishedSnapshot.full(model, moment, settings.form())
                : PublishedSnapshot.delta(model, moment, parent, settings.form());
        cutTime = moment.time();
        fullNext = false;
        model.parameters().changes().clear();
        recorded.end();
        if (recorded.shouldCommit()) {
            SnapshotManifest manifest = cut.manifest();
            recorded.model = manifest.model();
            recorded.epoch = manifest.epoch();
            recorded.version = manifest.version();
            recorded.delta = manifest.isDelta();
            recorded.bytes = cut.bytes();
            recorded.nextOffset = manifest.nextOffset();
            recorded.commit();
        }
    }

    /// Returns whether a snapshot is cut that `begin` has not begun.
    boolean isCut() {
        return cut != null;
    }

    /// Cuts a snapshot from the model and begins to publish it.
    List<RetainedSnapshot> begin(OnlineModel model, List<RetainedSnapshot> retained, PublishedSnapshot.Moment moment,
            Out out) {
        cut(model, retained, moment);
        return begin(retained, moment.epoch(), out);
    }

    /// Begins to publish what was cut, which `goOn` writes.
    ///
    /// @param retained what is on the topic, oldest first
    /// @return what is on the topic, or will be
    List<RetainedSnapshot> begin(List<RetainedSnapshot> retained, int epoch, Out out) {
        PublishedSnapshot snapshot = Objects.requireNonNull(cut);
        cut = null;
        List<RetainedSnapshot> next = new ArrayList<>(retained);
        // An earlier process has begun these.
        for (RetainedSnapshot begun : retained) {
            if (!begun.complete()) {
                next.remove(begun);
                bury(begun, epoch, cutTime, out);
            }
        }
        SnapshotManifest manifest = snapshot.manifest();
        next.add(new RetainedSnapshot(manifest.version(), manifest.parentVersion(), manifest.parts(), snapshot.bytes(),
                cutTime, false));
        sending = snapshot;
        sendingTime = cutTime;
        sent = 0;
        return next;
    }

    /// Returns null if the next snapshot is to be a full one.
    private PublishedSnapshot.@Nullable Parent parent(OnlineModel model, List<RetainedSnapshot> complete, long now) {
        List<RetainedSnapshot> chain = chain(complete);
        if (chain.isEmpty() || fullNext || model.parameters().changes().everything()) {
            return null;
        }
        RetainedSnapshot full = chain.getFirst();
        int deltas = chain.size() - 1;
        boolean nextRung = settings.ladder().hasRungs() && !RetentionLadder.sameHour(full.time(), now);
        if (deltas >= settings.deltasMax() || nextRung) {
            return null;
        }
        long whole = model.parameters().servedBytes();
        long bytes = PublishedSnapshot.deltaBytes(model);
        if (bytes >= whole) {
            return null;
        }
        for (RetainedSnapshot delta : chain.subList(1, chain.size())) {
            bytes += delta.bytes();
        }
        if (bytes >= Math.max(whole, CHAIN_BYTES_LEAST)) {
            return null;
        }
        return new PublishedSnapshot.Parent(chain.getLast().version(),
                new SnapshotManifest.Chain(full.version(), full.time(), deltas));
    }

    /// Returns the newest full snapshot and the deltas after it, or nothing if a link is missing.
    private static List<RetainedSnapshot> chain(List<RetainedSnapshot> complete) {
        List<RetainedSnapshot> chain = new ArrayList<>();
        for (RetainedSnapshot snapshot : complete) {
            if (!snapshot.isDelta()) {
                chain.clear();
                chain.add(snapshot);
            } else if (!chain.isEmpty() && chain.getLast().version() == snapshot.parent()) {
                chain.add(snapshot);
            } else {
                chain.clear();
            }
        }
        return chain;
    }

    /// Writes as much of the snapshot as one transaction takes. Its last record, the manifest, completes it, and then
    /// tombstones replace what the ladder does not keep.
    ///
    /// @param all whether to write all of it, however large
    /// @return what is on the topic, or will be
    List<RetainedSnapshot> goOn(List<RetainedSnapshot> retained, int epoch, boolean all, Out out) {
        PublishedSnapshot snapshot = sending;
        if (snapshot == null) {
            return retained;
        }
        List<SnapshotEntry> records = snapshot.records();
        long bytes = 0;
        while (sent < records.size() && (all || bytes < settings.commitBytes())) {
            SnapshotEntry entry = records.get(sent++);
            out.forward(entry.key(), entry.value(), sendingTime);
            bytes += entry.value().length;
        }
        List<RetainedSnapshot> next = retained;
        if (sent == records.size()) {
            next = complete(snapshot, retained, epoch, out);
            sending = null;
        }
        update(next, snapshot);
        return next;
    }

    private List<RetainedSnapshot> complete(PublishedSnapshot snapshot, List<RetainedSnapshot> retained, int epoch,
            Out out) {
        List<RetainedSnapshot> complete = new ArrayList<>(retained);
        complete.set(complete.size() - 1, complete.getLast().completed());
        List<RetainedSnapshot> kept = settings.ladder().kept(complete);
        for (RetainedSnapshot old : complete) {
            if (!kept.contains(old)) {
                bury(old, epoch, sendingTime, out);
            }
        }
        boolean delta = snapshot.manifest().isDelta();
        long bytes = snapshot.bytes();
        totals = new SnapshotTotals(totals.fulls() + (delta ? 0 : 1), totals.deltas() + (delta ? 1 : 0),
                totals.fullBytes() + (delta ? 0 : bytes), totals.deltaBytes() + (delta ? bytes : 0),
                totals.buried() + complete.size() - kept.size(), 0, 0, 0, 0);
        return kept;
    }

    private void update(List<RetainedSnapshot> retained, PublishedSnapshot snapshot) {
        totals = new SnapshotTotals(totals.fulls(), totals.deltas(), totals.fullBytes(), totals.deltaBytes(),
                totals.buried(),
                Math.max(0, chain(retained.stream().filter(RetainedSnapshot::complete).toList()).size() - 1),
                retained.size(), retained.stream().mapToLong(RetainedSnapshot::bytes).sum(),
                Math.max(0, snapshot.manifest().parts() - sent));
    }

    private static void bury(RetainedSnapshot snapshot, int epoch, long time, Out out) {
        for (byte[] key : PublishedSnapshot.keys(epoch, snapshot.version(), snapshot.parts())) {
            out.forward(key, null, time);
        }
    }
}
