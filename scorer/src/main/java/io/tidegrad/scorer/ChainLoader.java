package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotParts;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Loads one version from the records of its chain, which are the full snapshot and the deltas up to the version, in
/// the order of the log. It serves none of them.
final class ChainLoader {
    private final SnapshotVerifier verifier;
    private final SnapshotAssembler assembler;
    private final SnapshotManifest wanted;
    private @Nullable LoadedModel last;
    private long copiedBytes;
    private Verification.Refused problem;

    /// @param wanted manifest of the version to load
    ChainLoader(SnapshotVerifier verifier, long maxBytes, SnapshotManifest wanted) {
        this.verifier = verifier;
        this.wanted = wanted;
        assembler = new SnapshotAssembler(maxBytes);
        problem = refused(RefusalReason.UNREADABLE,
                "its chain, from version " + wanted.chain().full() + " on, is no longer complete on the topic");
    }

    private Verification.Refused refused(RefusalReason reason, String detail) {
        return new Verification.Refused(wanted, reason, detail);
    }

    /// Takes a record. Records of other versions are skipped.
    void accept(ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null || record.value() == null) {
            return;
        }
        try {
            SnapshotKey key = SnapshotKey.decode(record.key());
            if (!key.kind().isOfAVersion() || key.epoch() != wanted.epoch() || key.version() < wanted.chain().full()
                    || key.version() > wanted.version()) {
                return;
            }
            if (key.kind() == SnapshotKey.Kind.PART) {
                part(key, record.value());
            } else {
                manifest(key, SnapshotManifest.decode(record.value()));
            }
        } catch (SnapshotFormatException damaged) {
            problem = refused(RefusalReason.UNREADABLE, String.valueOf(damaged.getMessage()));
        }
    }

    private void part(SnapshotKey key, byte[] value) {
        SnapshotParts.check(wanted.model(), key, value);
        Verification.Refused refused = assembler.part(key, value);
        if (refused != null && refused.reason() == RefusalReason.TOO_LARGE) {
            problem = refused;
        }
    }

    private void manifest(SnapshotKey key, SnapshotManifest manifest) {
        SnapshotAssembler.Parts parts = assembler.take(key, manifest.parts());
        if (parts == null) {
            problem = refused(RefusalReason.UNREADABLE,
                    "version " + key.epoch() + "." + key.version() + " is no longer complete");
            return;
        }
        switch (verifier.verify(manifest, parts.values(), last)) {
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
        return loaded != null && loaded.manifest().version() == wanted.version()
                ? new Verification.Admitted(loaded, copiedBytes) : problem;
    }
}
