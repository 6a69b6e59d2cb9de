package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Successor;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// The parts of a snapshot: a model's served stream, or changes to it (`DeltaRuns`), in records of at most 512 KiB,
/// each with format number, place and CRC32C. Format: magic TGPT, format (4), epoch (4), version (8), part (4), payload
/// as written by `PartCompression` (at most 63 pages; in a full snapshot exactly 63, except for the last part), CRC32C
/// (4), which also covers the model's name, so that a part copied from another topic is noticed.
public final class SnapshotParts {
    public static final int PART_BYTES_MAX = 512 * 1024;

    public static final int FORMAT = 2;

    private static final String MAGIC = "TGPT";

    /// 63 instead of 64, because the record's other fields must fit too.
    private static final int PART_PAGES = 63;

    static final int PAYLOAD_BYTES_MAX = PART_PAGES * Parameters.PAGE_BYTES;

    private static final int FRAME_BYTES = 64;

    private SnapshotParts() {}

    /// The number of parts for this many served bytes.
    static long count(long servedBytes) {
        return (servedBytes + PAYLOAD_BYTES_MAX - 1) / PAYLOAD_BYTES_MAX;
    }

    /// Encodes the values of parts 0 … n-1 of a full snapshot.
    public static List<byte[]> encode(Parameters parameters, String model, int epoch, PartCompression compression) {
        int count = (int) count(parameters.servedBytes());
        List<byte[]> parts = new ArrayList<>(count);
        for (int part = 0; part < count; part++) {
            parts.add(encode(parameters, model, epoch, part, compression));
        }
        return parts;
    }

    /// Encodes the value of one part of a full snapshot.
    static byte[] encode(Parameters parameters, String model, int epoch, int part, PartCompression compression) {
        int length = payloadBytes(parameters, part);
        byte[] payload = new byte[length];
        int page = part * PART_PAGES;
        for (int at = 0; at < length; page++) {
            parameters.readPage(page, payload, at);
            at += parameters.pageLength(page);
        }
        return sealed(SnapshotKey.part(epoch, parameters.updates(), part), model, payload, length, compression);
    }

    /// Bytes of a part's payload in a full snapshot, uncompressed.
    static int payloadBytes(Parameters parameters, int part) {
        long at = (long) part * PAYLOAD_BYTES_MAX;
        return Math.clamp(parameters.servedBytes() - at, 0, PAYLOAD_BYTES_MAX);
    }

    public static List<byte[]> encode(Parameters parameters, String model, int epoch) {
        return encode(parameters, model, epoch, PartCompression.NONE);
    }

    static byte[] sealed(SnapshotKey place, String model, byte[] payload, int length, PartCompression compression) {
        BinaryWriter to = new BinaryWriter(MAGIC, FORMAT, length + FRAME_BYTES).int32(place.epoch())
                .int64(place.version()).int32(place.part());
        compression.write(to, payload, length);
        return to.seal(model.getBytes(StandardCharsets.UTF_8));
    }

    /// Checks that a part's value is undamaged and has the same place as its key.
    ///
    /// @throws SnapshotFormatException names what was expected and found
    public static void check(String model, SnapshotKey key, byte[] value) {
        open(model, key.epoch(), key.version(), key.part(), value);
    }

    /// Bytes of a part's payload, uncompressed, as stated in it.
    ///
    /// @throws SnapshotFormatException the part is damaged, or is another part
    static int payloadBytes(String model, SnapshotKey key, byte[] value) {
        return open(model, key.epoch(), key.version(), key.part(), value).length();
    }

    private static PartCompression.Stored open(String model, int epoch, long version, int part, byte[] value) {
        if (value.length > PART_BYTES_MAX) {
            throw new SnapshotFormatException(
                    "snapshot part " + part + ": expected at most " + PART_BYTES_MAX + " bytes, found " + value.length);
        }
        BinaryReader from = new BinaryReader(value, "snapshot part " + part, MAGIC, FORMAT,
                SnapshotFormatException::new, model.getBytes(StandardCharsets.UTF_8));
        from.expect("epoch", epoch);
        long foundVersion = from.int64();
        if (foundVersion != version) {
            throw from.fail("expected version " + version + ", found " + foundVersion);
        }
        from.expect("part", part);
        PartCompression.Stored stored = PartCompression.read(from);
        from.end();
        return stored;
    }

    /// Fills `into` (from `Parameters.served`) and its counts from all parts of a full snapshot.
    ///
    /// @throws SnapshotFormatException wrong count, length, checksum or place, naming expected and found
    public static void decode(SnapshotManifest manifest, List<byte[]> parts, Parameters into) {
        checkServedBytes(manifest, into);
        if (parts.size() != count(into.servedBytes()) || parts.size() != manifest.parts()) {
            throw new SnapshotFormatException("snapshot: expected " + count(into.servedBytes()) + " parts, found "
                    + parts.size() + ", and the manifest says " + manifest.parts());
        }
        for (int part = 0; part < parts.size(); part++) {
            decode(manifest, part, parts.get(part), into);
        }
        into.setCounts(manifest.version(), manifest.examples());
    }

    /// Fills the range that one part of a full snapshot holds.
    ///
    /// @throws SnapshotFormatException wrong length, checksum or place, naming expected and found
    static void decode(SnapshotManifest manifest, int part, byte[] value, Parameters into) {
        decode(manifest.model(), manifest.epoch(), manifest.version(), part, value, into);
    }

    static void decode(String model, int epoch, long version, int part, byte[] value, Parameters into) {
        PartCompression.Payload payload = open(model, epoch, version, part, value).payload(value);
        int length = payloadBytes(into, part);
        if (payload.length() != length) {
            throw new SnapshotFormatException("snapshot part " + part + ": expected a payload of " + length
                    + " bytes, found " + payload.length());
        }
        int page = part * PART_PAGES;
        for (int at = 0; at < length; page++) {
            into.writePage(page, payload.bytes(), payload.at() + at);
            at += into.pageLength(page);
        }
    }

    /// Writes all parts of a delta to `into` and sets its counts.
    ///
    /// @throws SnapshotFormatException wrong count, length, checksum, place or run, naming expected and found
    static void decodeChanges(SnapshotManifest manifest, List<byte[]> parts, Successor into) {
        checkServedBytes(manifest, into.parameters());
        if (parts.size() != manifest.parts()) {
            throw new SnapshotFormatException(
                    "snapshot: expected " + manifest.parts() + " parts, found " + parts.size());
        }
        long length = 0;
        for (int part = 0; part < parts.size(); part++) {
            byte[] value = parts.get(part);
            PartCompression.Payload payload =
                    open(manifest.model(), manifest.epoch(), manifest.version(), part, value).payload(value);
            length += payload.length();
            DeltaRuns.decode(payload, "snapshot part " + part, into);
        }
        if (length != manifest.payloadBytes()) {
            throw new SnapshotFormatException(
                    "snapshot: expected " + manifest.payloadBytes() + " bytes in all parts, found " + length);
        }
        into.parameters().setCounts(manifest.version(), manifest.examples());
    }

    static void checkServedBytes(SnapshotManifest manifest, Parameters into) {
        if (manifest.servedBytes() != into.servedBytes()) {
            throw new SnapshotFormatException("snapshot: expected " + into.servedBytes()
                    + " served bytes as the spec needs, found " + manifest.servedBytes());
        }
    }
}
