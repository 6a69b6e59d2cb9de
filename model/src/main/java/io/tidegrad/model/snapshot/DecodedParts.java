package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Parameters;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/// Decodes the parts of a full snapshot as they arrive, in any order, so that no part is kept and the weights are ready
/// when the manifest arrives. Decoding needs a spec before the manifest, so it assumes the spec that is served. The
/// parameters must not be read before `SnapshotVerifier` has passed them. Not thread-safe.
public final class DecodedParts {
    private final LoadedModel like;
    private final int epoch;
    private final long version;
    private final Parameters parameters;
    private final BitSet came = new BitSet();
    private @Nullable String problem;

    /// @param like a model of the spec that the parts are assumed to have
    /// @param parameters parameters of its plan, to be filled
    DecodedParts(LoadedModel like, SnapshotKey key, Parameters parameters) {
        this.like = like;
        this.parameters = parameters;
        epoch = key.epoch();
        version = key.version();
    }

    /// Whether a part belongs to a full snapshot of several parts of a model like `like`: such a part has the largest
    /// size, which a part of a delta never has (`DeltaRuns`).
    ///
    /// @throws SnapshotFormatException the part is damaged
    public static boolean isFull(LoadedModel like, SnapshotKey key, byte[] value) {
        return like.parameters().servedBytes() > SnapshotParts.PAYLOAD_BYTES_MAX
                && SnapshotParts.payloadBytes(like.manifest().model(), key, value) == SnapshotParts.PAYLOAD_BYTES_MAX;
    }

    /// Decodes a part. An error is kept and reported by `finish`.
    public void decode(int part, byte[] value) {
        came.set(part);
        if (problem != null) {
            return;
        }
        try {
            SnapshotParts.decode(like.manifest().model(), epoch, version, part, value, parameters);
        } catch (SnapshotFormatException wrong) {
            problem = String.valueOf(wrong.getMessage());
        }
    }

    /// The number of different parts decoded.
    public int count() {
        return came.cardinality();
    }

    /// Whether the decoded parts are numbers 0 to `count()` - 1.
    public boolean isWhole() {
        return came.length() == came.cardinality();
    }

    LoadedModel like() {
        return like;
    }

    /// @throws SnapshotFormatException a part is damaged, or the parts don't match the manifest
    Parameters finish(SnapshotManifest manifest) {
        if (problem != null) {
            throw new SnapshotFormatException(problem);
        }
        SnapshotParts.checkServedBytes(manifest, parameters);
        if (manifest.version() != version || manifest.epoch() != epoch || !isWhole() || count() != manifest.parts()
                || count() != SnapshotParts.count(parameters.servedBytes())) {
            throw new SnapshotFormatException("snapshot: expected " + SnapshotParts.count(parameters.servedBytes())
                    + " parts of " + epoch + "." + version + ", found " + count() + ", and the manifest of "
                    + manifest.epoch() + "." + manifest.version() + " says " + manifest.parts());
        }
        parameters.setCounts(manifest.version(), manifest.examples());
        return parameters;
    }
}
