package io.tidegrad.model.snapshot;

import java.util.Locale;

/// What checking a whole snapshot came to.
public sealed interface Verification {
    /// @param copiedBytes of memory that the version does not share with the one before
    record Admitted(LoadedModel model, long copiedBytes) implements Verification {
    }

    /// @param detail for a person: what was expected, what was found
    record Refused(Reason reason, String detail) implements Verification {
    }

    enum Reason {
        WRONG_MODEL,
        /// Not signed, or not by the key that is expected.
        SIGNATURE,
        /// A delta to another version than the one at hand.
        PARENT,
        /// The spec does not parse, or has another fingerprint than the manifest states.
        SPEC,
        /// Rows would mean something else here than in training.
        FEATURES,
        /// Learned by a build whose numbers differ.
        NUMERICS, TOO_LARGE,
        /// Count, length, place or checksum of the parts.
        PARTS, NOT_FINITE, WEIGHTS_HASH, GOLDEN_ROWS;

        /// As written in metrics: `golden-rows`.
        public String code() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }
}
