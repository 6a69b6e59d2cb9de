package io.tidegrad.scorer;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.engine.snapshot.ServedLeaves;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import java.util.List;

/// An admitted version. It is immutable and shared by all threads that score: its parameters were filled and verified
/// before it was published, and nothing writes to them afterwards. Consecutive versions share the weights that did not
/// change between them.
public final class ServedVersion {
    private final ModelBinding binding;
    private final Parameters parameters;
    private final ServedLeaves leaves;
    private final SnapshotManifest manifest;
    private final boolean broughtBack;
    private final long admittedAt;
    private final long fileResume;

    /// Value of `fileResume` for a version that came from a topic.
    static final long NO_FILE = -2;

    /// @param fileResume for a version from a file, the offset at which its snapshots topic continues, or
    ///     `SnapshotFile.Head.NOT_KNOWN`; else `NO_FILE`
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

    /// Returns the next offset of the log of record: every event before it is learned, pending or a dead letter.
    public long nextOffset() {
        return manifest.nextOffset();
    }

    /// Returns the record timestamp (epoch ms) of the newest event in it; not positive if it holds none.
    public long newestAppendTime() {
        return manifest.newestAppendTime();
    }

    /// Returns its stream time (epoch ms); `Long.MIN_VALUE` if the spec has none.
    public long eventTime() {
        return manifest.eventTime();
    }

    /// Returns when this process began to serve it (epoch ms).
    public long admittedAt() {
        return admittedAt;
    }

    /// Returns whether a rollback serves it: its weights were published in an earlier epoch, and the trainer has not
    /// published a snapshot of the new epoch yet.
    public boolean isBroughtBack() {
        return broughtBack;
    }

    /// Returns whether it was read from a file, and not from Kafka.
    public boolean isFromFile() {
        return fileResume != NO_FILE;
    }

    /// Returns, for a version from a file, the offset at which its snapshots topic continues; negative if unknown.
    long fileResume() {
        return fileResume;
    }

    /// Returns the manifest as published. For a version that a rollback serves, it has the epoch under which it is
    /// served, and no signature.
    public SnapshotManifest manifest() {
        return manifest;
    }

    /// Returns the names of the classes, each at its index: those that the spec says, or those that this version has
    /// learned; empty if there are none. What stands behind the last one in a prediction is of no class yet.
    public List<String> classes() {
        return loaded().classes();
    }

    /// Returns how many numbers a prediction has: of a label that is a list, those of all steps.
    public int outputs() {
        return binding.plan().outputs();
    }

    /// Returns the hash of the weights, recomputed from the floats that are served and not copied from the manifest: 64
    /// hex digits.
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

    /// Returns the same version, to be served again after another model has answered.
    ServedVersion again(long now) {
        return new ServedVersion(binding, parameters, leaves, manifest, broughtBack, now, fileResume);
    }

    /// Returns it as the parent of a delta.
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
