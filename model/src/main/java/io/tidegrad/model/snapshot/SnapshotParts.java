package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// The served stream of a model, cut into parts of at most 512 KiB, each with format number, its place and CRC32C over
/// key and payload. Format: magic TGPT, format (4), epoch (4), version (8), part (4), length (4), payload (63 pages; the
/// last part what is left), CRC32C (4), which also covers the model's name: a part copied from another topic is noticed.
public final class SnapshotParts {
    public static final int PART_BYTES_MAX = 512 * 1024;

    private static final String MAGIC = "TGPT";
    private static final int FORMAT = 1;

    /// 63, not 64: the frame must fit too.
    private static final int PART_PAGES = 63;

    static final int PAYLOAD_BYTES_MAX = PART_PAGES * Parameters.PAGE_BYTES;

    private SnapshotParts() {}

    /// Parts that so many served bytes need.
    static long count(long servedBytes) {
        return (servedBytes + PAYLOAD_BYTES_MAX - 1) / PAYLOAD_BYTES_MAX;
    }

    /// Values of parts 0 … n-1.
    public static List<byte[]> encode(Parameters parameters, String model, int epoch) {
        byte[] name = model.getBytes(StandardCharsets.UTF_8);
        List<byte[]> parts = new ArrayList<>();
        for (int first = 0; first < parameters.servedPages(); first += PART_PAGES) {
            int end = Math.min(first + PART_PAGES, parameters.servedPages());
            int length = 0;
            for (int page = first; page < end; page++) {
                length += parameters.pageLength(page);
            }
            BinaryWriter to =
                    new BinaryWriter(MAGIC, FORMAT, length + 64)
                            .int32(epoch)
                            .int64(parameters.updates())
                            .int32(parts.size())
                            .int32(length);
            int at = to.reserve(length);
            for (int page = first; page < end; page++) {
                parameters.readPage(page, to.array(), at);
                at += parameters.pageLength(page);
            }
            parts.add(to.seal(name));
        }
        return parts;
    }

    /// A part's value must say the same place as its key, and be whole.
    ///
    /// @throws SnapshotFormatException names what was expected and found
    public static void check(String model, SnapshotKey key, byte[] value) {
        open(model, key.epoch(), key.version(), key.part(), value);
    }

    private static BinaryReader open(
            String model, int epoch, long version, int part, byte[] value) {
        if (value.length > PART_BYTES_MAX) {
            throw new SnapshotFormatException(
                    "snapshot part "
                            + part
                            + ": expected at most "
                            + PART_BYTES_MAX
                            + " bytes, found "
                            + value.length);
        }
        BinaryReader from =
                new BinaryReader(
                        value,
                        "snapshot part " + part,
                        MAGIC,
                        FORMAT,
                        SnapshotFormatException::new,
                        model.getBytes(StandardCharsets.UTF_8));
        from.expect("epoch", epoch);
        long foundVersion = from.int64();
        if (foundVersion != version) {
            throw from.fail("expected version " + version + ", found " + foundVersion);
        }
        from.expect("part", part);
        from.expect("length", from.remaining() - 4);
        return from;
    }

    /// Fills `into` (from `Parameters.served`) from all parts of the manifest, and its counts.
    ///
    /// @throws SnapshotFormatException wrong count, length, checksum or place, naming expected and found
    public static void decode(SnapshotManifest manifest, List<byte[]> parts, Parameters into) {
        if (manifest.servedBytes() != into.servedBytes()) {
            throw new SnapshotFormatException(
                    "snapshot: expected "
                            + into.servedBytes()
                            + " served bytes as the spec needs, found "
                            + manifest.servedBytes());
        }
        if (parts.size() != count(into.servedBytes()) || parts.size() != manifest.parts()) {
            throw new SnapshotFormatException(
                    "snapshot: expected "
                            + count(into.servedBytes())
                            + " parts, found "
                            + parts.size()
                            + ", and the manifest says "
                            + manifest.parts());
        }
        int page = 0;
        for (int part = 0; part < parts.size(); part++) {
            byte[] value = parts.get(part);
            BinaryReader from =
                    open(manifest.model(), manifest.epoch(), manifest.version(), part, value);
            int end = Math.min(page + PART_PAGES, into.servedPages());
            while (page < end) {
                into.writePage(page, value, from.skip(into.pageLength(page)));
                page++;
            }
            from.end();
        }
        into.setCounts(manifest.version(), manifest.examples());
    }
}
