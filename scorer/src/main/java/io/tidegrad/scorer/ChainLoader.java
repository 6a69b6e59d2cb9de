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

/// Makes one version out of the records of its chain, the full snapshot and the deltas up to it in the order of the
/// log, and serves nothing of it.
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
            new Verification.Refused(Verification.Reason.PARTS, "it went from the topic while it was read");

    /// @param full version of the full snapshot that the chain begins with
    /// @param version that is wanted
    ChainLoader(String model, SnapshotVerifier verifier, long maxBytes, int epoch, long full, long version) {
        this.model = model;
        this.verifier = verifier;
        this.epoch = epoch;
        this.full = full;
        this.version = version;
        assembler = new SnapshotAssembler(maxBytes);
    }

    /// A record of another version is passed over.
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
                    "version " + epoch + "." + key.version() + " is not whole any more");
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

    /// After the last record: the newest version of the chain that is sound; null when none is.
    @Nullable
    LoadedModel furthest() {
        return last;
    }

    /// Of memory for what was loaded.
    long copiedBytes() {
        return copiedBytes;
    }

    /// After the last record: the version, or why it can't be had.
    Verification result() {
        LoadedModel loaded = last;
        return loaded != null && loaded.manifest().version() == version ? new Verification.Admitted(loaded, copiedBytes)
                : problem;
    }
}
