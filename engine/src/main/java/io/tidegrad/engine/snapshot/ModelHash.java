package io.tidegrad.engine.snapshot;

import io.tidegrad.engine.model.Parameters;

/// The two hashes of a model: SHA-256 over the SHA-256 of fixed 64 KiB leaves.
public final class ModelHash {
    /// A leaf is eight store pages, so that a touched page costs one leaf.
    public static final int LEAF_BYTES = 8 * Parameters.PAGE_BYTES;

    private ModelHash() {}

    /// What a scorer can recompute: spec fingerprint, numerics, update and example counts, served stream. 64 hex digits.
    public static String weights(byte[] specFingerprint, Parameters parameters) {
        throw new UnsupportedOperationException();
    }

    /// The weights-hash, the optimizer stream and the rows of the unfinished batch. 64 hex digits.
    public static String state(String weightsHash, Parameters parameters, byte[] pendingRows) {
        throw new UnsupportedOperationException();
    }
}
