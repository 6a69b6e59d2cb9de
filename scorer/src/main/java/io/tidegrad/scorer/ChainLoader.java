package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotParts;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Loads one version from the records of its chain, which are the full snapshot and the deltas up to the version, in
/// the order of the log. It serves none of them.
final class ChainLoader {
    private final String model;
    private final SnapshotVerifier verifier;
    private final SnapshotAssembler assembler;
    private final int epoch;
    private final long full;
    private final long version;
    private @Nullable LoadedModel last;
    private long copiedBytes;
    private Verification.Refused problem =
            new Verification.Refused(Verification.Reason.PARTS, "it was deleted from the topic while it was read");

    /// @param full version of the full snapshot at the beginning of the chain
    /// @param version version to load
    ChainLoader(String model, SnapshotVerifier verifier, long maxBytes, int epoch, long full, long version) {
        this.model = model;
        this.verifier = verifier;
        this.epoch = epoch;
        this.full = full;
        this.version = version;
        assembler = new SnapshotAssembler(maxBytes);
    }

    /// Takes a record. Records of other versions are skipped.
    void accept(ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null || record.value() == null) {
            return;
        }
        try {
            SnapshotKey key = SnapshotKey.decode(record.key());
            if (!key.kind().isOfAVersion() || key.epoch() != epoch || key.version() < full || key.version() > version) {
                return;
            }
            if (key.kind() == SnapshotKey.Kind.PART) {
                part(key, record.value());
            } else {
                manifest(key, SnapshotManifest.decode(record.value()));
            }
        } catch (SnapshotFormatException damaged) {
            problem = new Verification.Refused(Verification.Reason.PARTS, String.valueOf(damaged.getMessage()));
        }
    }

    private void part(SnapshotKey key, byte[] value) {
        SnapshotParts.check(model, key, value);
        Admission.Refused refused = assembler.part(key, value);
        if (refused != null && refused.reason() == RefusalReason.TOO_LARGE) {
            problem = new Verification.Refused(Verification.Reason.TOO_LARGE, refused.detail());
        }
    }

    private void manifest(SnapshotKey key, SnapshotManifest manifest) {
        if (!(assembler.take(key, manifest.parts()) instanceof AssembledParts.Collected(List<byte[]> parts))) {
            problem = new Verification.Refused(Verification.Reason.PARTS,
                    "version " + epoch + "." + key.version() + " is no longer complete");
            return;
        }
        switch (verifier.verify(manifest, parts, last)) {
            case Verification.Admitted(LoadedModel loaded, long copied) -> {
                last = loaded;
                copiedBytes += copied;
            }
            case Verification.Refused refused -> problem = refused;
        }
    }

    /// Returns, after the last record, the newest version of the chain that passed its checks; null if none did.
    @Nullable
    LoadedModel furthest() {
        return last;
    }

    /// Returns how much memory was allocated for the loaded versions.
    long copiedBytes() {
        return copiedBytes;
    }

    /// Returns, after the last record, the version or why it can't be loaded.
    Verification result() {
        LoadedModel loaded = last;
        return loaded != null && loaded.manifest().version() == version ? new Verification.Admitted(loaded, copiedBytes)
                : problem;
    }
}
