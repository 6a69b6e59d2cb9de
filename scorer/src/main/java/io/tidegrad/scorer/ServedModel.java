package io.tidegrad.scorer;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;

/// One admitted version: immutable, shared by every thread that scores. Its parameters were filled and verified before
/// it was published and nobody writes them afterwards.
public final class ServedModel {
    private final ModelBinding binding;
    private final Parameters parameters;
    private final SnapshotManifest manifest;
    private final long admittedAt;

    ServedModel(
            ModelBinding binding,
            Parameters parameters,
            SnapshotManifest manifest,
            long admittedAt) {
        this.binding = binding;
        this.parameters = parameters;
        this.manifest = manifest;
        this.admittedAt = admittedAt;
    }

    public String model() {
        return manifest.model();
    }

    public ModelSpec spec() {
        return binding.spec();
    }

    public int epoch() {
        return manifest.epoch();
    }

    /// Update count within the epoch.
    public long version() {
        return manifest.version();
    }

    /// Of the log of record, exclusive: every event before it is learned, pending or dead-lettered.
    public long nextOffset() {
        return manifest.nextOffset();
    }

    /// Record timestamp (epoch ms) of the newest event contained; not positive when no event is.
    public long newestAppendTime() {
        return manifest.newestAppendTime();
    }

    /// Stream time (epoch ms), `Long.MIN_VALUE` when the spec names none.
    public long eventTime() {
        return manifest.eventTime();
    }

    /// When this process began to serve it (epoch ms).
    public long admittedAt() {
        return admittedAt;
    }

    public SnapshotManifest manifest() {
        return manifest;
    }

    /// Width of a prediction.
    public int outputs() {
        return binding.plan().outputs();
    }

    /// Recomputed from the floats that are served, not copied from the manifest. 64 hex digits.
    public String weightsHash() {
        return ModelHash.weights(binding.spec().fingerprint(), parameters);
    }

    /// Above `other` in (epoch, version) order.
    boolean isNewerThan(ServedModel other) {
        return isAbove(epoch(), version(), other.epoch(), other.version());
    }

    static boolean isAbove(int epoch, long version, int otherEpoch, long otherVersion) {
        return epoch != otherEpoch ? epoch > otherEpoch : version > otherVersion;
    }

    ModelBinding binding() {
        return binding;
    }

    Parameters parameters() {
        return parameters;
    }
}
