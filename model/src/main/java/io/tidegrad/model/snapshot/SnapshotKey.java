package io.tidegrad.model.snapshot;

import java.nio.ByteBuffer;
import java.util.HexFormat;

/// Key of a record on `tidegrad.snapshots.{model}`: 17 bytes, big-endian so that keys sort: kind (1), epoch (4),
/// version (8), part (4). A flipped bit in the kind never gives another kind; in the other fields it is noticed by
/// comparison with the value, which repeats them (`SnapshotParts.check`, the manifest's own fields).
///
/// @param kind kind of the value
/// @param epoch number that a rollback or re-creation raises
/// @param version update count
/// @param part number of the part, from 0; 0 for other kinds
public record SnapshotKey(Kind kind, int epoch, long version, int part) {
    public static final int BYTES = 17;

    /// The most parts, for 2 TiB of snapshot. A larger part number or count is treated as damage.
    public static final int PARTS_MAX = 1 << 22;

    /// The key of all heartbeats, so that compaction keeps the newest.
    public static final SnapshotKey HEARTBEAT = new SnapshotKey(Kind.HEARTBEAT, 0, 0, 0);

    /// The key of all trainer statuses, so that compaction keeps the newest.
    public static final SnapshotKey STATUS = new SnapshotKey(Kind.STATUS, 0, 0, 0);

    public enum Kind {
        PART('P'), MANIFEST('M'), HEARTBEAT('H'), STATUS('S');

        private final byte code;

        /// Whether the record belongs to a version; heartbeats and statuses don't.
        public boolean isOfAVersion() {
            return this == PART || this == MANIFEST;
        }

        Kind(char code) {
            this.code = (byte) code;
        }
    }

    public SnapshotKey {
        if (epoch < 0 || version < 0 || part < 0) {
            throw new SnapshotFormatException("snapshot key: expected epoch, version and part not below 0, found "
                    + epoch + ", " + version + ", " + part);
        }
        if (part >= PARTS_MAX) {
            throw new SnapshotFormatException("snapshot key: expected a part below " + PARTS_MAX + ", found " + part);
        }
        if (kind != Kind.PART && part != 0) {
            throw new SnapshotFormatException("snapshot key: expected part 0 of a " + kind + ", found " + part);
        }
        if (!kind.isOfAVersion() && (epoch != 0 || version != 0)) {
            throw new SnapshotFormatException(
                    "snapshot key: expected epoch 0 and version 0 of a " + kind + ", found " + epoch + ", " + version);
        }
    }

    public static SnapshotKey part(int epoch, long version, int part) {
        return new SnapshotKey(Kind.PART, epoch, version, part);
    }

    public static SnapshotKey manifest(int epoch, long version) {
        return new SnapshotKey(Kind.MANIFEST, epoch, version, 0);
    }

    public byte[] encode() {
        return ByteBuffer.allocate(BYTES).put(kind.code).putInt(epoch).putLong(version).putInt(part).array();
    }

    /// @throws SnapshotFormatException the key has not 17 bytes, no known kind, or invalid fields
    public static SnapshotKey decode(byte[] bytes) {
        if (bytes.length != BYTES) {
            throw new SnapshotFormatException("snapshot key: expected " + BYTES + " bytes, found " + bytes.length);
        }
        ByteBuffer from = ByteBuffer.wrap(bytes);
        byte code = from.get();
        for (Kind kind : Kind.values()) {
            if (kind.code == code) {
                return new SnapshotKey(kind, from.getInt(), from.getLong(), from.getInt());
            }
        }
        throw new SnapshotFormatException(
                "snapshot key: expected a kind 50 (part), 4d (manifest), 48 (heartbeat) or 53 (status), found "
                        + HexFormat.of().toHexDigits(code));
    }
}
