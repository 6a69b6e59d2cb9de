package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.DecodedParts;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.Verification;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Collects the parts of one version, in any order and with repetitions, or passes them on to be decoded at once. It
/// holds at most one version and at most `maxBytes` of it: a part of another version ends the one before.
final class SnapshotAssembler {
    /// What a part costs in addition to its bytes, so that the bound also holds for any number of empty parts.
    private static final int PART_OVERHEAD = 64;

    /// Returns where to decode the parts of a version, given the first one; null to collect them.
    @FunctionalInterface
    interface Decoding {
        @Nullable
        DecodedParts begin(SnapshotKey key, byte[] value);
    }

    /// All parts of one version.
    ///
    /// @param values values of parts 0 … n-1; empty if they are decoded
    /// @param decoded the same parts, decoded into weights; null if they are not
    record Parts(List<byte[]> values, @Nullable DecodedParts decoded) {
    }

    private final long maxBytes;
    private final Decoding decoding;
    private int epoch;
    private long version;
    private boolean open;

    /// Parts of this version are discarded, because it is too large or its memory ran out.
    private boolean abandoned;

    private final SortedMap<Integer, byte[]> parts = new TreeMap<>();
    private @Nullable DecodedParts decoded; // then none is in `parts`
    private long bytes;

    SnapshotAssembler(long maxBytes) {
        this(maxBytes, (key, value) -> null);
    }

    SnapshotAssembler(long maxBytes, Decoding decoding) {
        this.maxBytes = maxBytes;
        this.decoding = decoding;
    }

    /// Takes a part. Returns null if it was kept; else the refusal of the version before, which this part ends, or of
    /// its own version, which is too large.
    Verification.@Nullable Refused part(SnapshotKey key, byte[] value) {
        Verification.Refused superseded = null;
        if (!open || !isOf(key)) {
            superseded = unfinished(key);
            begin(key);
            decoded = decoding.begin(key, value);
        }
        if (abandoned) {
            return superseded;
        }
        if (decoded != null) {
            decoded.decode(key.part(), value);
            return superseded;
        }
        byte[] before = parts.put(key.part(), value);
        bytes += value.length - (before == null ? -PART_OVERHEAD : before.length);
        if (bytes > maxBytes) {
            Verification.Refused tooLarge =
                    new Verification.Refused(epoch, version, RefusalReason.TOO_LARGE, parts.size() + " parts hold "
                            + bytes + " bytes and no manifest came; a snapshot may hold " + maxBytes);
            abandon();
            return tooLarge;
        }
        return superseded;
    }

    /// Returns whether the version of `key` was given up. Its manifest then says nothing new.
    boolean gaveUp(SnapshotKey key) {
        return open && abandoned && isOf(key);
    }

    /// Returns parts 0 … count-1 of the version, or null if other parts arrived. The assembler is empty afterwards.
    @Nullable
    Parts take(SnapshotKey manifest, int count) {
        Parts taken = count == collected(manifest) ? whole(count) : null;
        clear();
        return taken;
    }

    private @Nullable Parts whole(int count) {
        boolean whole = decoded != null ? decoded.isWhole()
                : count == 0 || (parts.firstKey() == 0 && parts.lastKey() == count - 1);
        return whole ? new Parts(List.copyOf(parts.values()), decoded) : null;
    }

    /// Gives up the version of `key`, because there was no memory for it: its other parts and its manifest are skipped.
    void giveUp(SnapshotKey key) {
        begin(key);
        abandoned = true;
    }

    /// Returns how many parts of this version have arrived.
    int collected(SnapshotKey key) {
        return open && isOf(key) ? count() : 0;
    }

    private int count() {
        return decoded == null ? parts.size() : decoded.count();
    }

    void clear() {
        open = false;
        abandon();
    }

    /// Discards the version of `key`. Another version that is in assembly stays.
    void discard(SnapshotKey key) {
        if (open && isOf(key)) {
            clear();
        }
    }

    /// Returns the epoch of the version in assembly; -1 if there is none.
    int epoch() {
        return open ? epoch : -1;
    }

    private Verification.@Nullable Refused unfinished(SnapshotKey next) {
        if (!open || abandoned) {
            return null;
        }
        return new Verification.Refused(epoch, version, RefusalReason.INCOMPLETE,
                count() + " parts and no manifest before version " + next.epoch() + "." + next.version() + " began");
    }

    private void begin(SnapshotKey key) {
        clear();
        epoch = key.epoch();
        version = key.version();
        open = true;
        abandoned = false;
    }

    private void abandon() {
        abandoned = true;
        decoded = null;
        parts.clear();
        bytes = 0;
    }

    private boolean isOf(SnapshotKey key) {
        return key.epoch() == epoch && key.version() == version;
    }
}
