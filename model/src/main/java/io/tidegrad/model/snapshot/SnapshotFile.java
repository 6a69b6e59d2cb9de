package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// A file with one version of a model and everything needed to serve it without Kafka: the content of a snapshots
/// topic's records in one file. The manifest is the published one with its signature, so the file is checked like a
/// snapshot from the topic: `SnapshotVerifier`.
///
/// ```
/// "TGSF", format (4)         numbers are little-endian
/// length of the head (4)
/// head                       name, manifest, spec (texts and arrays with their length before them),
///                            next offset of the snapshots topic (8), brought back (1)
/// CRC32C of all of the above (4)
/// parts                      length (4) and value of each, as of a full snapshot: `SnapshotParts`
/// ```
///
/// It is read once, from start to end.
public final class SnapshotFile {
    public static final int FORMAT = 1;

    private static final String MAGIC = "TGSF";

    /// The first bytes of the engine's own files, `SavedModel`, for a better message.
    private static final byte[] SAVED_MODEL = "tide".getBytes(StandardCharsets.US_ASCII);

    private static final int LENGTH_AT = 8;
    private static final int HEAD_AT = 12;
    private static final int CHECKSUM_BYTES = 4;

    /// A bound of the head: a manifest is one Kafka record of a few MiB at most, and a spec has at most a quarter of a
    /// MiB.
    private static final int HEAD_BYTES_MAX = 64 << 20;

    /// The longest name of a Kafka topic.
    private static final int NAME_BYTES_MAX = 249;

    private static final int SPEC_BYTES_MAX = 256 * 1024;

    /// The description of the weights.
    ///
    /// @param name the name that the model is served under; differs from its own if it was promoted to another name
    /// @param manifest the version's manifest; may be a delta's, although the file has all weights
    /// @param specYaml the model's spec, which a delta's manifest does not contain
    /// @param resume next offset of the snapshots topic after the version; -1 when it is not known
    /// @param broughtBack whether a rollback brought the version back
    public record Head(String name, SnapshotManifest manifest, String specYaml, long resume, boolean broughtBack) {
        public static final long NOT_KNOWN = -1;

        /// The head of a version that is served under its own name.
        public static Head of(SnapshotManifest manifest, String specYaml) {
            return new Head(manifest.model(), manifest, specYaml, NOT_KNOWN, false);
        }
    }

    private final InputStream in;
    private final Head head;

    private SnapshotFile(InputStream in, Head head) {
        this.in = in;
        this.head = head;
    }

    /// Writes a file. Needs memory for one part in addition to the parameters. Leaves the stream open.
    ///
    /// @param parameters the parameters of the manifest's version; must not change meanwhile
    public static void write(Head head, Parameters parameters, OutputStream to) throws IOException {
        byte[] content = new BinaryWriter().text(head.name).block(head.manifest.encode()).text(head.specYaml)
                .int64(head.resume).int8(head.broughtBack ? 1 : 0).toBytes();
        to.write(new BinaryWriter(MAGIC, FORMAT, content.length + 16).block(content).seal());
        byte[] length = new byte[Integer.BYTES];
        int parts = (int) SnapshotParts.count(parameters.servedBytes());
        for (int part = 0; part < parts; part++) {
            byte[] value = SnapshotParts.encode(parameters, head.manifest.model(), head.manifest.epoch(), part,
                    PartCompression.NONE);
            littleEndian(length).putInt(value.length);
            to.write(length);
            to.write(value);
        }
    }

    /// Reads the head; `SnapshotVerifier` reads the rest.
    ///
    /// @throws SnapshotFormatException the bytes are not the start of such a file; the message says what was expected
    ///     and found
    public static SnapshotFile read(InputStream in) throws IOException {
        byte[] start = in.readNBytes(HEAD_AT);
        if (start.length >= SAVED_MODEL.length
                && Arrays.equals(start, 0, SAVED_MODEL.length, SAVED_MODEL, 0, SAVED_MODEL.length)) {
            throw new SnapshotFormatException(
                    "snapshot file: expected one that export writes (--to NAME.snapshot), found a saved model, which"
                            + " has neither a spec nor a manifest in it");
        }
        if (start.length < HEAD_AT) {
            throw new SnapshotFormatException(
                    "snapshot file: expected at least " + HEAD_AT + " bytes, found " + start.length);
        }
        int length = littleEndian(start).getInt(LENGTH_AT);
        boolean fits = length >= 0 && length <= HEAD_BYTES_MAX;
        byte[] rest = in.readNBytes(fits ? length + CHECKSUM_BYTES : CHECKSUM_BYTES);
        if (fits && rest.length < length + CHECKSUM_BYTES && isOfThisFormat(start)) {
            throw new SnapshotFormatException("snapshot file: expected a head of " + length
                    + " bytes, found its end after " + rest.length + ": it was cut short");
        }
        byte[] whole = Arrays.copyOf(start, start.length + rest.length);
        System.arraycopy(rest, 0, whole, start.length, rest.length);
        BinaryReader from = new BinaryReader(whole, "snapshot file", MAGIC, FORMAT, SnapshotFormatException::new);
        from.expect("length of the head", from.remaining() - Integer.BYTES);
        Head head = new Head(from.text("name", NAME_BYTES_MAX),
                SnapshotManifest.decode(from.raw(from.count("manifest length", length))),
                from.text("spec", SPEC_BYTES_MAX), from.int64(), from.int8() == 1);
        from.end();
        return new SnapshotFile(in, head);
    }

    private static boolean isOfThisFormat(byte[] start) {
        ByteBuffer from = littleEndian(start);
        return new String(start, 0, 4, StandardCharsets.US_ASCII).equals(MAGIC) && from.getInt(Integer.BYTES) == FORMAT;
    }

    public Head head() {
        return head;
    }

    /// Fills `into` and its counts from all parts, holding one part at a time.
    ///
    /// @throws SnapshotFormatException the file is truncated, too long or damaged; the message says what was expected
    ///     and found
    void decode(Parameters into) {
        SnapshotManifest manifest = head.manifest;
        SnapshotParts.checkServedBytes(manifest, into);
        int parts = (int) SnapshotParts.count(into.servedBytes());
        try {
            for (int part = 0; part < parts; part++) {
                SnapshotParts.decode(manifest, part, next(part, parts), into);
            }
            if (in.read() >= 0) {
                throw new SnapshotFormatException(
                        "snapshot file: expected its end after the last part, found more bytes");
            }
        } catch (IOException e) {
            throw new SnapshotFormatException("snapshot file: can't be read: " + e.getMessage());
        }
        into.setCounts(manifest.version(), manifest.examples());
    }

    private byte[] next(int part, int parts) throws IOException {
        byte[] length = in.readNBytes(Integer.BYTES);
        int expected = length.length < Integer.BYTES ? 0 : littleEndian(length).getInt();
        if (expected < 0 || expected > SnapshotParts.PART_BYTES_MAX) {
            throw new SnapshotFormatException("snapshot file: expected a part of at most "
                    + SnapshotParts.PART_BYTES_MAX + " bytes, found one of " + expected);
        }
        byte[] value = in.readNBytes(expected);
        if (length.length < Integer.BYTES || value.length < expected) {
            throw new SnapshotFormatException("snapshot file: expected " + parts + " parts, found its end in part "
                    + part + ": it was cut short");
        }
        return value;
    }

    private static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
