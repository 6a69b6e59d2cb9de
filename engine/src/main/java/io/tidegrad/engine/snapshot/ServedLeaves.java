package io.tidegrad.engine.snapshot;

import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;

/// The hashes of a served stream's leaves (32 bytes for 64 KiB), kept so that the weights-hash of a changed model costs the
/// leaves that were touched. Immutable.
public final class ServedLeaves {
    private static final int HASH_BYTES = 32;

    private final byte[] hashes; // leaf after leaf

    private ServedLeaves(byte[] hashes) {
        this.hashes = hashes;
    }

    /// Of every leaf.
    public static ServedLeaves of(Parameters parameters) {
        int leaves = Math.ceilDiv(parameters.servedPages(), ModelHash.LEAF_PAGES);
        byte[] hashes = new byte[leaves * HASH_BYTES];
        for (int leaf = 0; leaf < leaves; leaf++) {
            hash(parameters, leaf, hashes);
        }
        return new ServedLeaves(hashes);
    }

    /// These, but anew for the leaves of `touched` pages; pages beyond the served ones don't count.
    public ServedLeaves after(Parameters changed, PageSet touched) {
        byte[] next = hashes.clone();
        int page = touched.next(0);
        while (page >= 0 && page < changed.servedPages()) {
            int leaf = page / ModelHash.LEAF_PAGES;
            hash(changed, leaf, next);
            page = touched.next((leaf + 1) * ModelHash.LEAF_PAGES);
        }
        return new ServedLeaves(next);
    }

    private static void hash(Parameters parameters, int leaf, byte[] to) {
        int first = leaf * ModelHash.LEAF_PAGES;
        int end = Math.min(first + ModelHash.LEAF_PAGES, parameters.servedPages());
        System.arraycopy(
                ModelHash.leaf(parameters, first, end), 0, to, leaf * HASH_BYTES, HASH_BYTES);
    }

    /// As `ModelHash.weights` of the parameters that these are the leaves of.
    public String weightsHash(byte[] specFingerprint, Parameters parameters) {
        return ModelHash.weights(specFingerprint, parameters, hashes);
    }
}
