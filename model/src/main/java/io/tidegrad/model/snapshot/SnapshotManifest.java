package io.tidegrad.model.snapshot;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/// The last record of a snapshot's transaction: says what the parts before it make up. Format: magic TGMF, format (4),
/// the components in their order (texts and arrays with their length before them), CRC32C (4).
///
/// @param parentVersion -1 for a full snapshot (deltas come later)
/// @param nextOffset of the log of record, exclusive
/// @param newestAppendTime record timestamp (epoch ms) of the newest event contained
/// @param eventTime stream time (epoch ms), Long.MIN_VALUE when the spec names none
/// @param caughtUp no event beyond nextOffset was in the log when this was published
/// @param logLoss progressive, since the first row; for regression the mean squared error
/// @param priorLogLoss of the running prior; for regression its mean squared error
/// @param accuracy NaN for regression
/// @param auc NaN unless binary
/// @param servedBytes that the parts carry together
/// @param weightsHash 64 hex digits
/// @param goldenRows a few rows with the trainer's own predictions, which an admitted snapshot must reproduce bit for bit
public record SnapshotManifest(
        String model,
        int epoch,
        long version,
        long parentVersion,
        String specYaml,
        byte[] specFingerprint,
        byte[] featureFingerprint,
        int numerics,
        long examples,
        long nextOffset,
        long newestAppendTime,
        long eventTime,
        boolean caughtUp,
        double logLoss,
        double priorLogLoss,
        double accuracy,
        double auc,
        int parts,
        long servedBytes,
        String weightsHash,
        List<GoldenRow> goldenRows) {

    private static final String MAGIC = "TGMF";
    private static final int FORMAT = 1;
    private static final int MODEL_BYTES_MAX = 100;
    private static final int SPEC_BYTES_MAX = 256 * 1024;
    private static final int HASH_BYTES = 32;
    private static final int GOLDEN_ROWS_MAX = 16;
    private static final int GOLDEN_WIDTH_MAX = 1 << 22;

    /// @param predictions what the trainer's engine answered with exactly these weights
    public record GoldenRow(float[] numbers, int[] ids, float[] predictions) {}

    public SnapshotManifest {
        goldenRows = List.copyOf(goldenRows);
    }

    /// With magic, format number and CRC32C.
    public byte[] encode() {
        BinaryWriter to =
                new BinaryWriter(MAGIC, FORMAT, 1_024)
                        .text(model)
                        .int32(epoch)
                        .int64(version)
                        .int64(parentVersion)
                        .text(specYaml)
                        .raw(hash(specFingerprint))
                        .raw(hash(featureFingerprint))
                        .int32(numerics)
                        .int64(examples)
                        .int64(nextOffset)
                        .int64(newestAppendTime)
                        .int64(eventTime)
                        .int8(caughtUp ? 1 : 0)
                        .float64(logLoss)
                        .float64(priorLogLoss)
                        .float64(accuracy)
                        .float64(auc)
                        .int32(parts)
                        .int64(servedBytes)
                        .raw(hash(HexFormat.of().parseHex(weightsHash)))
                        .int32(goldenRows.size());
        for (GoldenRow row : goldenRows) {
            to.int32(row.numbers.length)
                    .int32(row.ids.length)
                    .int32(row.predictions.length)
                    .floats(row.numbers, 0, row.numbers.length)
                    .ints(row.ids, 0, row.ids.length)
                    .floats(row.predictions, 0, row.predictions.length);
        }
        return to.seal();
    }

    private static byte[] hash(byte[] hash) {
        if (hash.length != HASH_BYTES) {
            throw new IllegalArgumentException("expected a hash of 32 bytes, found " + hash.length);
        }
        return hash;
    }

    /// @throws SnapshotFormatException names what was expected and found; sizes are checked before allocation
    public static SnapshotManifest decode(byte[] bytes) {
        BinaryReader from =
                new BinaryReader(
                        bytes, "snapshot manifest", MAGIC, FORMAT, SnapshotFormatException::new);
        SnapshotManifest manifest =
                new SnapshotManifest(
                        from.text("model name", MODEL_BYTES_MAX),
                        from.count("epoch", Integer.MAX_VALUE),
                        atLeast(from, "version", 0, from.int64()),
                        atLeast(from, "parent version", -1, from.int64()),
                        from.text("spec", SPEC_BYTES_MAX),
                        from.raw(HASH_BYTES),
                        from.raw(HASH_BYTES),
                        from.int32(),
                        atLeast(from, "number of examples", 0, from.int64()),
                        atLeast(from, "next offset", 0, from.int64()),
                        from.int64(),
                        from.int64(),
                        from.int8() == 1,
                        from.float64(),
                        from.float64(),
                        from.float64(),
                        from.float64(),
                        from.count("number of parts", SnapshotKey.PARTS_MAX),
                        atLeast(from, "number of served bytes", 0, from.int64()),
                        HexFormat.of().formatHex(from.raw(HASH_BYTES)),
                        goldenRows(from));
        from.end();
        long capacity = (long) manifest.parts * SnapshotParts.PAYLOAD_BYTES_MAX;
        if (manifest.servedBytes > capacity
                || manifest.servedBytes <= capacity - SnapshotParts.PAYLOAD_BYTES_MAX) {
            throw from.fail(
                    "expected as many parts as "
                            + manifest.servedBytes
                            + " bytes need ("
                            + SnapshotParts.count(manifest.servedBytes)
                            + "), found "
                            + manifest.parts);
        }
        return manifest;
    }

    private static List<GoldenRow> goldenRows(BinaryReader from) {
        int count = from.count("number of golden rows", GOLDEN_ROWS_MAX);
        List<GoldenRow> rows = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int numbers = from.count("golden row's numbers", GOLDEN_WIDTH_MAX);
            int ids = from.count("golden row's ids", GOLDEN_WIDTH_MAX);
            int predictions = from.count("golden row's predictions", GOLDEN_WIDTH_MAX);
            rows.add(
                    new GoldenRow(
                            from.newFloats(numbers),
                            from.newInts(ids),
                            from.newFloats(predictions)));
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
