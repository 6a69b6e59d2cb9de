package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.DecodedParts;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotParts;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Turns the records of a snapshots topic into admissions. It does not use Kafka: the follower passes the records in,
/// and so do tests. Used by one thread.
final class SnapshotIntake {
    /// A refused manifest is remembered by its offset, so that reading the end of the topic again neither tries nor
    /// counts it a second time. Beyond this many the oldest is forgotten, which costs at most a second refusal.
    private static final int REFUSALS_REMEMBERED = 256;

    private final String model;
    private final SnapshotAdmission admission;
    private final CurrentModel current;
    private final SnapshotCounters counters;
    private final long maxBytes;
    private final SnapshotAssembler assembler;
    private final Set<Long> refusedOffsets = new LinkedHashSet<>();
    private @Nullable String noRoom;

    SnapshotIntake(String model, SnapshotAdmission admission, CurrentModel current, SnapshotCounters counters,
            long maxBytes) {
        this.model = model;
        this.admission = admission;
        this.current = current;
        this.counters = counters;
        this.maxBytes = maxBytes;
        assembler = new SnapshotAssembler(maxBytes, this::decoding);
    }

    /// Takes one record in the order of the log. Returns the admission or refusal that this record decided, or null if
    /// it decided nothing.
    ///
    /// @param timestamp of the record, epoch ms
    @Nullable
    Verification accept(byte @Nullable [] keyBytes, byte @Nullable [] value, long offset, long timestamp) {
        SnapshotKey key;
        try {
            key = SnapshotKey.decode(keyBytes == null ? new byte[0] : keyBytes);
        } catch (SnapshotFormatException e) {
            return refuse(offset, unreadable(0, 0, "key at offset " + offset, e));
        }
        if (value == null) {
            // A tombstone removes a version that was replaced long ago or was never complete.
            return null;
        }
        return switch (key.kind()) {
            case HEARTBEAT -> heartbeat(key, value, offset);
            case STATUS -> null; // for people
            case PART -> part(key, value, offset);
            case MANIFEST -> manifest(key, value, offset, timestamp);
        };
    }

    static boolean isManifest(byte @Nullable [] key) {
        return key != null && key.length == SnapshotKey.BYTES && key[0] == 'M';
    }

    static boolean isHeartbeat(byte @Nullable [] key) {
        return key != null && key.length == SnapshotKey.BYTES && key[0] == 'H';
    }

    boolean wasRefused(long manifestOffset) {
        return refusedOffsets.contains(manifestOffset);
    }

    String model() {
        return model;
    }

    /// Returns whether a version may be served next. Others need not be read.
    boolean wants(int epoch, long version) {
        return current.wants(model, epoch, version);
    }

    /// Returns whether a later epoch has begun.
    boolean isOver(int epoch) {
        return current.succession().isOver(model, epoch);
    }

    /// Refuses everything of earlier epochs from now on.
    void begin(int epoch) {
        current.succession().begin(model, epoch);
        if (assembler.epoch() < epoch) {
            assembler.clear();
        }
    }

    /// Serves the version again that this model served last, if it is in memory and no decision forbids it.
    void comeBack() {
        ServedVersion last = current.lastOf(model);
        if (last != null && wants(last.epoch(), last.version())) {
            admission.comeBack(last);
        }
    }

    /// Returns whether this model has served before and another one answers now.
    boolean comesBack() {
        return current.comesBack(model);
    }

    /// Takes the newest version, which was loaded with its chain while another model answers. If a link of the chain is
    /// bad, the version before that link serves, provided that it is not below the one that the model served last.
    ///
    /// @return the admission, or why nothing of the chain serves; null if nothing was decided
    @Nullable
    Verification comeBack(FoundManifest newest, ChainLoader chain) {
        counters.seen();
        Verification refused =
                chain.result() instanceof Verification.Refused refusal ? refuse(newest.offset(), refusal) : null;
        LoadedModel furthest = chain.furthest();
        if (furthest == null || !wants(furthest.manifest().epoch(), furthest.manifest().version())) {
            return refused;
        }
        Verification admitted = admission.serve(new Verification.Admitted(furthest, chain.copiedBytes()));
        beat(furthest.manifest(), newest.offset(), newest.timestamp());
        return admitted;
    }

    /// Reserves heap for loading the chain of a version, until `release`. Returns false if there is not enough; the
    /// version is then refused with the reason.
    boolean reserve(SnapshotManifest manifest, long offset, BooleanSupplier halted) {
        if (manifest.servedBytes() > maxBytes) {
            return true; // refused for that, without being loaded
        }
        // If the spec is not the served one, the parts are collected before they are decoded: both need memory at once.
        long loads = served(manifest.epoch()) < 0 ? 2 : 1;
        noRoom = current.reserve(model, loads * manifest.servedBytes(), halted);
        if (noRoom != null) {
            refuse(offset, new Verification.Refused(manifest, RefusalReason.TOO_LARGE, noRoom));
        }
        return noRoom == null;
    }

    void release() {
        current.release();
    }

    /// Returns why the heap has no room for the newest version; null if it has.
    @Nullable
    String noRoom() {
        return noRoom;
    }

    /// Returns the served version of this model in this epoch; -1 if there is none.
    long served(int epoch) {
        return current.served(model, epoch);
    }

    long maxBytes() {
        return maxBytes;
    }

    SnapshotAdmission admission() {
        return admission;
    }

    SnapshotVerifier verifier() {
        return admission.verifier();
    }

    /// Discards the version in assembly, because the next record does not follow the last one.
    void reset() {
        assembler.clear();
    }

    private @Nullable Verification heartbeat(SnapshotKey key, byte[] value, long offset) {
        try {
            current.beat(model, Heartbeat.decode(value), offset);
            return null;
        } catch (SnapshotFormatException e) {
            return refuse(offset, unreadable(key.epoch(), key.version(), "heartbeat at offset " + offset, e));
        }
    }

    private @Nullable Verification part(SnapshotKey key, byte[] value, long offset) {
        if (!wants(key.epoch(), key.version())) {
            return null;
        }
        try {
            // Checked before it can end the version in assembly: a damaged key would name a version that does not
            // exist.
            SnapshotParts.check(model, key, value);
        } catch (SnapshotFormatException e) {
            return refuse(offset, unreadable(key.epoch(), key.version(), "part at offset " + offset, e));
        }
        Verification.Refused refusal;
        try {
            refusal = assembler.part(key, value);
        } catch (OutOfMemoryError e) {
            assembler.giveUp(key);
            refusal = refused(key, RefusalReason.TOO_LARGE, "the heap had no room for its parts");
        }
        return refusal == null ? null : refuse(offset, refusal);
    }

    /// Returns where to decode the parts of a version as they arrive; null if they must be collected. Only a full
    /// snapshot of the served epoch, and so of its spec, can be decoded at once: the load then needs the model's size
    /// once and not twice. Another spec becomes known only with the manifest.
    private @Nullable DecodedParts decoding(SnapshotKey key, byte[] value) {
        ServedVersion served = current.get();
        if (served == null || !served.model().equals(model) || served.epoch() != key.epoch()
                || served.manifest().servedBytes() > maxBytes || !DecodedParts.isFull(served.loaded(), key, value)) {
            return null;
        }
        current.makeRoom(served.manifest().servedBytes());
        return admission.verifier().prepare(served.loaded(), key);
    }

    private @Nullable Verification manifest(SnapshotKey key, byte[] value, long offset, long timestamp) {
        if (wasRefused(offset)) {
            return null;
        }
        counters.seen();
        if (assembler.gaveUp(key)) {
            assembler.clear();
            return null;
        }
        SnapshotManifest manifest;
        try {
            manifest = SnapshotManifest.decode(value);
        } catch (SnapshotFormatException e) {
            assembler.discard(key);
            return refuse(offset, unreadable(key.epoch(), key.version(), "manifest at offset " + offset, e));
        }
        Verification.Refused unwanted = refuseUnwanted(key, manifest);
        if (unwanted != null) {
            assembler.discard(key);
            return refuse(offset, unwanted);
        }
        if (current.wasBroughtBack(manifest)) {
            assembler.discard(key);
            beat(manifest, offset, timestamp);
            return null;
        }
        if (!wants(key.epoch(), key.version())) {
            assembler.discard(key);
            if (current.isInFile(model, key.epoch(), offset)) {
                return null;
            }
            return refuse(offset, refused(key, RefusalReason.NOT_NEWER,
                    "version " + key.epoch() + "." + key.version() + " is not above the one served"));
        }
        int collected = assembler.collected(key);
        SnapshotAssembler.Parts parts = assembler.take(key, manifest.parts());
        if (parts == null) {
            return refuse(offset, refused(key, RefusalReason.INCOMPLETE,
                    "the manifest tells of " + manifest.parts() + " parts, " + collected + " came before it"));
        }
        if (!manifest.isDelta()) {
            current.makeRoom(manifest.servedBytes());
        }
        return switch (admission.admit(manifest, parts)) {
            case Verification.Admitted admitted -> {
                beat(manifest, offset, timestamp);
                yield admitted;
            }
            case Verification.Refused refused -> refuse(offset, refused);
        };
    }

    /// Returns why key and manifest alone rule the version out; null if they do not.
    private Verification.@Nullable Refused refuseUnwanted(SnapshotKey key, SnapshotManifest manifest) {
        if (manifest.epoch() != key.epoch() || manifest.version() != key.version()) {
            return refused(key, RefusalReason.UNREADABLE, "the key says version " + key.epoch() + "." + key.version()
                    + ", its manifest " + manifest.epoch() + "." + manifest.version());
        }
        if (isOver(key.epoch())) {
            return refused(key, RefusalReason.OLD_EPOCH,
                    "epoch " + key.epoch() + " is over: the model was rolled back or made anew");
        }
        return null;
    }

    /// Takes a manifest as a heartbeat: it says whether the trainer had caught up when it published, and the next
    /// heartbeat may be a second away.
    private void beat(SnapshotManifest manifest, long offset, long timestamp) {
        current.beat(model, new Heartbeat(manifest.epoch(), manifest.version(), manifest.nextOffset(),
                manifest.caughtUp(), timestamp), offset);
    }

    private static Verification.Refused refused(SnapshotKey key, RefusalReason reason, String detail) {
        return new Verification.Refused(key.epoch(), key.version(), reason, detail);
    }

    private Verification refuse(long offset, Verification.Refused refusal) {
        if (refusedOffsets.add(offset)) {
            counters.refused(refusal);
            if (refusedOffsets.size() > REFUSALS_REMEMBERED) {
                refusedOffsets.remove(refusedOffsets.iterator().next());
            }
        }
        return refusal;
    }

    private static Verification.Refused unreadable(int epoch, long version, String what, SnapshotFormatException e) {
        return new Verification.Refused(epoch, version, RefusalReason.UNREADABLE, what + ": " + e.getMessage());
    }
}
