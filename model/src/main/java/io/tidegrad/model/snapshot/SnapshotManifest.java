package io.tidegrad.model.snapshot;

import java.util.List;

/// The last record of a snapshot's transaction: says what the parts before it make up.
///
/// @param parentVersion -1 for a full snapshot (deltas come later)
/// @param nextOffset of the log of record, exclusive
/// @param newestAppendTime record timestamp (epoch ms) of the newest event contained
/// @param eventTime stream time (epoch ms), Long.MIN_VALUE when the spec names none
/// @param caughtUp no event beyond nextOffset was in the log when this was published
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

    /// @param predictions what the trainer's engine answered with exactly these weights
    public record GoldenRow(float[] numbers, int[] ids, float[] predictions) {}

    /// With magic, format number and CRC32C.
    public byte[] encode() {
        throw new UnsupportedOperationException();
    }

    /// @throws SnapshotFormatException names what was expected and found; sizes are checked before allocation
    public static SnapshotManifest decode(byte[] bytes) {
        throw new UnsupportedOperationException();
    }
}
