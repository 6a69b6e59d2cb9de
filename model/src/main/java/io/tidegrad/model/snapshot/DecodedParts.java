package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Parameters;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/// The parts of a full snapshot, decoded as they come, in any order: no part is kept, and the weights are there before
/// the manifest that they are checked by. That takes a spec known before: the one that is served. Nobody reads the
/// parameters until `SnapshotVerifier` has passed them. One thread.
public final class DecodedParts {
    private final LoadedModel like;
    private final int epoch;
    private final long version;
    private final Parameters parameters;
    private final BitSet came = new BitSet();
    private @Nullable String problem;

    /// @param like of the spec that the parts are taken to be of
    /// @param parameters to be filled, of its plan
    DecodedParts(LoadedModel like, SnapshotKey key, Parameters parameters) {
        this.like = like;
        this.parameters = parameters;
        epoch = key.epoch();
        version = key.version();
    }

    /// Whether a part is of a full snapshot, of several parts, of a model like that: a full part is full, and one of a
    /// delta never is (`DeltaRuns`).
    ///
    /// @throws SnapshotFormatException the part is damaged
    public static boolean isFull(LoadedModel like, SnapshotKey key, byte[] value) {
        return like.parameters().servedBytes() > SnapshotParts.PAYLOAD_BYTES_MAX
                && SnapshotParts.payloadBytes(like.manifest().model(), key, value) == SnapshotParts.PAYLOAD_BYTES_MAX;
    }

    /// What is wrong with a part is kept for who has the manifest.
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

    /// Different parts that came.
    public int count() {
        return came.cardinality();
    }

    /// Whether they are parts 0 to count-1.
    public boolean isWhole() {
        return came.length() == came.cardinality();
    }

    LoadedModel like() {
        return like;
    }

    /// @throws SnapshotFormatException they are not what the manifest tells of
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
