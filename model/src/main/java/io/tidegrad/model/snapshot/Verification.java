package io.tidegrad.model.snapshot;

import java.util.Locale;

/// What checking a whole snapshot came to.
public sealed interface Verification {
    record Admitted(LoadedModel model) implements Verification {}

    /// @param detail for a person: what was expected, what was found
    record Refused(Reason reason, String detail) implements Verification {}

    enum Reason {
        WRONG_MODEL,
        /// A delta, and this reader knows no parents.
        PARENT,
        /// The spec does not parse, or has another fingerprint than the manifest states.
        SPEC,
        /// Rows would mean something else here than in training.
        FEATURES,
        /// Learned by a build whose numbers differ.
        NUMERICS,
        TOO_LARGE,
        /// Count, length, place or checksum of the parts.
        PARTS,
        NOT_FINITE,
        WEIGHTS_HASH,
        GOLDEN_ROWS;

        /// As written in metrics: `golden-rows`.
        public String code() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }
}
