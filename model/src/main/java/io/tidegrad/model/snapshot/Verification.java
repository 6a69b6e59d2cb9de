package io.tidegrad.model.snapshot;

import java.util.Locale;

/// The result of verifying a snapshot.
public sealed interface Verification {
    /// @param copiedBytes bytes of memory that the version does not share with the one before
    record Admitted(LoadedModel model, long copiedBytes) implements Verification {
    }

    /// @param detail message for people: what was expected, what was found
    record Refused(Reason reason, String detail) implements Verification {
    }

    enum Reason {
        WRONG_MODEL,
        /// The manifest is not signed, or not by the expected key.
        SIGNATURE,
        /// The delta's parent is not the version at hand.
        PARENT,
        /// The spec does not parse, or its fingerprint is not the manifest's.
        SPEC,
        /// The feature fingerprint differs: rows would mean something else than in training.
        FEATURES,
        /// The model was learned by a build with another version of the numerics.
        NUMERICS, TOO_LARGE,
        /// Count, length, place or checksum of the parts is wrong.
        PARTS, NOT_FINITE, WEIGHTS_HASH, GOLDEN_ROWS;

        /// The reason as written in metrics: `golden-rows`.
        public String code() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }
}
