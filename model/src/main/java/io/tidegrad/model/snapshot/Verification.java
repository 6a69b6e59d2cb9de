package io.tidegrad.model.snapshot;

/// The verdict on a snapshot.
public sealed interface Verification {
    /// @param copiedBytes bytes of memory that the version does not share with the one before
    record Admitted(LoadedModel model, long copiedBytes) implements Verification {
    }

    /// The version before it, if there is one, still serves.
    ///
    /// @param epoch epoch of the refused version; 0 if it can't be read
    /// @param detail what was expected and what was found, for people
    record Refused(int epoch, long version, RefusalReason reason, String detail) implements Verification {
        public Refused(SnapshotManifest manifest, RefusalReason reason, String detail) {
            this(manifest.epoch(), manifest.version(), reason, detail);
        }
    }
}
