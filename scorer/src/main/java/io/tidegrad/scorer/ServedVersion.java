package io.tidegrad.scorer;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.engine.snapshot.ServedLeaves;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;

/// One admitted version: immutable, shared by every thread that scores. Its parameters were filled and verified before
/// it was published and nobody writes them afterwards; versions share what did not change between them.
public final class ServedVersion {
    private final ModelBinding binding;
    private final Parameters parameters;
    private final ServedLeaves leaves;
    private final SnapshotManifest manifest;
    private final boolean broughtBack;
    private final long admittedAt;
    private final long fileResume;

    /// What `fileResume` is of a version that a topic brought.
    static final long NO_FILE = -2;

    /// @param fileResume of a version out of a file: next offset of its snapshots topic, `SnapshotFile.Head.NOT_KNOWN`
    ServedVersion(ModelBinding binding, Parameters parameters, ServedLeaves leaves, SnapshotManifest manifest,
            boolean broughtBack, long admittedAt, long fileResume) {
        this.binding = binding;
        this.parameters = parameters;
        this.leaves = leaves;
        this.manifest = manifest;
        this.broughtBack = broughtBack;
        this.admittedAt = admittedAt;
        this.fileResume = fileResume;
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

    /// By a rollback: its weights were published in an earlier epoch, and no trainer's snapshot of this one came yet.
    public boolean isBroughtBack() {
        return broughtBack;
    }

    /// Out of a file: Kafka has not brought it to this process.
    public boolean isFromFile() {
        return fileResume != NO_FILE;
    }

    /// Of a version out of a file, where its snapshots topic goes on; below 0 when that is not known.
    long fileResume() {
        return fileResume;
    }

    /// As published; of a version brought back with the epoch that it is served under, and without signature.
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

    /// Model, epoch and version, for messages: `flight-delay 1.120500`.
    String name() {
        return model() + " " + epoch() + "." + version();
    }

    boolean hasWeights(String ofModel, long ofVersion, String weightsHash) {
        return version() == ofVersion && manifest.weightsHash().equals(weightsHash) && model().equals(ofModel);
    }

    /// The same version, served again after another model has answered.
    ServedVersion again(long now) {
        return new ServedVersion(binding, parameters, leaves, manifest, broughtBack, now, fileResume);
    }

    /// As the parent of a delta.
    LoadedModel loaded() {
        return new LoadedModel(manifest, binding.spec(), binding.plan(), parameters, leaves);
    }

    ModelBinding binding() {
        return binding;
    }

    Parameters parameters() {
        return parameters;
    }
}
