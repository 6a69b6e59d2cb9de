package io.tidegrad.model.snapshot;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.feature.LearnedClasses;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// The last record of a snapshot's transaction; it describes the snapshot that the parts before it form. Format: magic
/// TGMF, format (4), the components in their order (texts and arrays preceded by their length), CRC32C (4). Without
/// learned classes the format is 3 and has no names of them, so that readers of that format read all other models.
///
/// @param parentVersion the version that a delta's parts change; -1 for a full snapshot
/// @param specYaml the spec; empty in a delta, which has its parent's spec
/// @param nextOffset of the log of record, exclusive
/// @param newestAppendTime record timestamp (epoch ms) of the newest event contained
/// @param eventTime stream time (epoch ms), Long.MIN_VALUE when the spec names none
/// @param caughtUp whether the log had no event at or after nextOffset when this was published
/// @param logLoss progressive log loss since the first row; for regression the mean squared error
/// @param priorLogLoss log loss of the running prior; for regression its mean squared error
/// @param accuracy progressive accuracy; NaN for regression
/// @param auc progressive AUC; NaN unless binary
/// @param servedBytes bytes of the whole model's served stream
/// @param weightsHash 64 hex digits
/// @param goldenRows a few rows with the trainer's predictions, which the snapshot must reproduce bit for bit to be
///     admitted
/// @param payloadBytes bytes of all parts' payloads together, uncompressed
/// @param chain the full snapshot that a reader has to start from
/// @param origin what its epoch began with and why; only in the first manifest of an epoch that a rollback began, else
///     null
/// @param classes names of the classes that were learned by then, each at its index; empty where the spec says what
///     they are
/// @param signature Ed25519 signature over everything before it; empty if unsigned
public record SnapshotManifest(String model, int epoch, long version, long parentVersion, String specYaml,
        byte[] specFingerprint, byte[] featureFingerprint, int numerics, long examples, long nextOffset,
        long newestAppendTime, long eventTime, boolean caughtUp, double logLoss, double priorLogLoss, double accuracy,
        double auc, int parts, long servedBytes, String weightsHash, List<GoldenRow> goldenRows, long payloadBytes,
        Chain chain, @Nullable Origin origin, List<String> classes, byte[] signature) {

    public static final int FORMAT = 4;

    private static final int FORMAT_WITHOUT_CLASSES = 3;

    private static final String MAGIC = "TGMF";
    private static final int SIGNATURE_BYTES_MAX = 1024;
    private static final int MODEL_BYTES_MAX = 100;
    private static final int SPEC_BYTES_MAX = 256 * 1024;
    private static final int HASH_BYTES = 32;
    private static final int GOLDEN_ROWS_MAX = 16;
    private static final int GOLDEN_WIDTH_MAX = 1 << 22;

    /// @param predictions the trainer's predictions with exactly these weights
    public record GoldenRow(float[] numbers, int[] ids, float[] predictions) {
    }

    /// A full snapshot and the deltas after it, each of which changes the version before.
    ///
    /// @param full version of the full snapshot; the manifest's own version if it is full
    /// @param fullTime timestamp (epoch ms) of the full snapshot's records; -1 if unknown
    /// @param deltas number of deltas after the full snapshot, up to and including this one
    public record Chain(long full, long fullTime, int deltas) {
        public static final long TIME_UNKNOWN = -1;

        /// @param time timestamp of the records, epoch ms
        public static Chain ofFull(long version, long time) {
            return new Chain(version, time, 0);
        }

        public Chain next() {
            return new Chain(full, fullTime, deltas + 1);
        }
    }

    /// The version that an epoch continues from.
    ///
    /// @param epoch epoch of the version that it began with
    /// @param version update count of that version
    /// @param nextOffset next offset of the log of record, exclusive, up to which that version has learned
    /// @param resumeOffset offset of the first event learned after it
    /// @param reason reason given by the person who decided it; may be empty
    public record Origin(int epoch, long version, long nextOffset, long resumeOffset, String reason) {
        private static final int REASON_BYTES_MAX = 1024;

        private void write(BinaryWriter to) {
            to.int32(epoch).int64(version).int64(nextOffset).int64(resumeOffset).text(reason);
        }

        private static Origin read(BinaryReader from) {
            return new Origin(from.count("origin's epoch", Integer.MAX_VALUE),
                    atLeast(from, "origin's version", 0, from.int64()),
                    atLeast(from, "origin's next offset", 0, from.int64()),
                    atLeast(from, "resume offset", 0, from.int64()), from.text("reason", REASON_BYTES_MAX));
        }
    }

    public SnapshotManifest {
        goldenRows = List.copyOf(goldenRows);
        classes = List.copyOf(classes);
    }

    public boolean isDelta() {
        return parentVersion >= 0;
    }

    public boolean isSigned() {
        return signature.length > 0;
    }

    /// The same manifest, signed by `signer`, which receives the bytes to sign.
    public SnapshotManifest signed(UnaryOperator<byte[]> signer) {
        return with(epoch, signer.apply(signedBytes()));
    }

    /// The same version as the first one of another epoch, unsigned.
    public SnapshotManifest inEpoch(int otherEpoch) {
        return with(otherEpoch, new byte[0]);
    }

    private SnapshotManifest with(int otherEpoch, byte[] otherSignature) {
        return new SnapshotManifest(model, otherEpoch, version, parentVersion, specYaml, specFingerprint,
                featureFingerprint, numerics, examples, nextOffset, newestAppendTime, eventTime, caughtUp, logLoss,
                priorLogLoss, accuracy, auc, parts, servedBytes, weightsHash, goldenRows, payloadBytes, chain, origin,
                classes, otherSignature);
    }

    /// The bytes that a signature covers: everything that `encode` writes before it. They contain the weights-hash, so
    /// the signature covers every weight.
    public byte[] signedBytes() {
        return unsigned().toBytes();
    }

    /// The record with magic, format number and CRC32C.
    public byte[] encode() {
        return unsigned().block(signature).seal();
    }

    private BinaryWriter unsigned() {
        int format = classes.isEmpty() ? FORMAT_WITHOUT_CLASSES : FORMAT;
        BinaryWriter to = new BinaryWriter(MAGIC, format, 1_024).text(model).int32(epoch).int64(version)
                .int64(parentVersion).text(specYaml).raw(hash(specFingerprint)).raw(hash(featureFingerprint))
                .int32(numerics).int64(examples).int64(nextOffset).int64(newestAppendTime).int64(eventTime)
                .int8(caughtUp ? 1 : 0).float64(logLoss).float64(priorLogLoss).float64(accuracy).float64(auc)
                .int32(parts).int64(servedBytes).raw(hash(HexFormat.of().parseHex(weightsHash)))
                .int32(goldenRows.size());
        for (GoldenRow row : goldenRows) {
            to.int32(row.numbers.length).int32(row.ids.length).int32(row.predictions.length)
                    .floats(row.numbers, 0, row.numbers.length).ints(row.ids, 0, row.ids.length)
                    .floats(row.predictions, 0, row.predictions.length);
        }
        to.int64(payloadBytes).int64(chain.full).int64(chain.fullTime).int32(chain.deltas);
        to.int8(origin == null ? 0 : 1);
        if (origin != null) {
            origin.write(to);
        }
        if (!classes.isEmpty()) {
            to.int32(classes.size());
            classes.forEach(to::text);
        }
        return to;
    }

    private static byte[] hash(byte[] hash) {
        if (hash.length != HASH_BYTES) {
            throw new IllegalArgumentException("expected a hash of 32 bytes, found " + hash.length);
        }
        return hash;
    }

    /// @throws SnapshotFormatException the bytes are no valid manifest; the message says what was expected and found.
    ///     Sizes are checked before allocation
    public static SnapshotManifest decode(byte[] bytes) {
        BinaryReader from = new BinaryReader(bytes, "snapshot manifest", MAGIC, FORMAT_WITHOUT_CLASSES, FORMAT,
                SnapshotFormatException::new);
        // Read in the order of the components.
        SnapshotManifest manifest = new SnapshotManifest(from.text("model name", MODEL_BYTES_MAX),
                from.count("epoch", Integer.MAX_VALUE), atLeast(from, "version", 0, from.int64()),
                atLeast(from, "parent version", -1, from.int64()), from.text("spec", SPEC_BYTES_MAX),
                from.raw(HASH_BYTES), from.raw(HASH_BYTES), from.int32(),
                atLeast(from, "number of examples", 0, from.int64()), atLeast(from, "next offset", 0, from.int64()),
                from.int64(), from.int64(), from.int8() == 1, from.float64(), from.float64(), from.float64(),
                from.float64(), from.count("number of parts", SnapshotKey.PARTS_MAX),
                atLeast(from, "number of served bytes", 0, from.int64()),
                HexFormat.of().formatHex(from.raw(HASH_BYTES)), goldenRows(from),
                atLeast(from, "number of payload bytes", 0, from.int64()),
                new Chain(from.int64(), from.int64(), from.count("number of deltas", Integer.MAX_VALUE)),
                from.int8() == 1 ? Origin.read(from) : null,
                from.format() == FORMAT_WITHOUT_CLASSES ? List.of()
                        : LearnedClasses.readNames(from, ModelSpec.Label.ROOM_MAX),
                from.raw(from.count("signature's length", SIGNATURE_BYTES_MAX)));
        from.end();
        manifest.checkSizes(from);
        manifest.checkChain(from);
        return manifest;
    }

    /// Checks sizes, so that a reader neither allocates nor waits for an impossible snapshot.
    private void checkSizes(BinaryReader from) {
        long least = SnapshotParts.count(payloadBytes);
        if (isDelta() ? payloadBytes >= servedBytes && payloadBytes > 0 : payloadBytes != servedBytes) {
            throw from.fail("expected a payload of " + (isDelta() ? "less than " : "") + servedBytes + " bytes, found "
                    + payloadBytes);
        }
        // A part of a delta ends with a whole run, so it may not be quite full.
        if (parts < least || parts > (isDelta() ? 2 * least : least)) {
            throw from
                    .fail("expected as many parts as " + payloadBytes + " bytes need (" + least + "), found " + parts);
        }
    }

    private void checkChain(BinaryReader from) {
        boolean sound = isDelta()
                ? parentVersion < version && chain.full >= 0 && chain.full <= parentVersion && chain.deltas >= 1
                        && (chain.deltas == 1) == (chain.full == parentVersion)
                : chain.full == version && chain.deltas == 0;
        if (!sound) {
            throw from.fail("expected a version, its parent and its full snapshot in order, found " + version + ", "
                    + parentVersion + ", " + chain);
        }
    }

    private static List<GoldenRow> goldenRows(BinaryReader from) {
        int count = from.count("number of golden rows", GOLDEN_ROWS_MAX);
        List<GoldenRow> rows = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int numbers = from.count("golden row's numbers", GOLDEN_WIDTH_MAX);
            int ids = from.count("golden row's ids", GOLDEN_WIDTH_MAX);
            int predictions = from.count("golden row's predictions", GOLDEN_WIDTH_MAX);
            rows.add(new GoldenRow(from.newFloats(numbers), from.newInts(ids), from.newFloats(predictions)));
        }
        return rows;
    }

    private static long atLeast(BinaryReader from, String name, long min, long value) {
        if (value < min) {
            throw from.fail("expected a " + name + " of at least " + min + ", found " + value);
        }
        return value;
    }
}
