package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Parameters;
import java.util.List;

/// The served stream of a model, cut into parts of at most 512 KiB, each with format number, its place and CRC32C over
/// key and payload.
public final class SnapshotParts {
    public static final int PART_BYTES_MAX = 512 * 1024;

    private SnapshotParts() {}

    /// Values of parts 0 … n-1.
    public static List<byte[]> encode(Parameters parameters, String model, int epoch) {
        throw new UnsupportedOperationException();
    }

    /// Fills `into` (from `Parameters.served`) from all parts of the manifest.
    ///
    /// @throws SnapshotFormatException wrong count, length, checksum or place, naming expected and found
    public static void decode(SnapshotManifest manifest, List<byte[]> parts, Parameters into) {
        throw new UnsupportedOperationException();
    }
}
