package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Verification;
import java.util.Locale;

/// Why a snapshot was not admitted. One refusal costs that version only: the last good one keeps serving, the next good
/// one loads.
public enum RefusalReason {
    /// A key, part or manifest whose bytes are not what they should be: magic, format, length, place, checksum.
    UNREADABLE,
    /// A delta to another version than the one served: the one between was refused or is gone. The next full snapshot
    /// mends it.
    UNKNOWN_PARENT,
    /// Not signed, or not by the key that this scorer was given.
    SIGNATURE,
    /// A manifest without all of its parts, or parts that another version followed without a manifest.
    INCOMPLETE,
    /// Declared or collected bytes beyond `ScorerOptions.maxSnapshotBytes`.
    TOO_LARGE, WRONG_MODEL,
    /// The spec inside the manifest does not parse, or its fingerprint is not the one the manifest states.
    SPEC,
    /// The same epoch came with another spec than the one served.
    SPEC_CHANGED,
    /// Rows would mean something else here than they did in training.
    FEATURES,
    /// Learned by a build whose numbers differ.
    NUMERICS, NOT_FINITE,
    /// The hash recomputed from the decoded floats is not the manifest's.
    WEIGHTS_HASH,
    /// The trainer's own predictions were not reproduced bit for bit.
    GOLDEN_ROWS,
    /// Of an epoch that is over: a control record has begun a later one.
    OLD_EPOCH,
    /// (epoch, version) is not above the one served.
    NOT_NEWER,
    /// A defect of this program, logged with its cause.
    INTERNAL;

    static RefusalReason of(Verification.Reason reason) {
        return switch (reason) {
            case WRONG_MODEL -> WRONG_MODEL;
            case PARENT -> UNKNOWN_PARENT;
            case SIGNATURE -> SIGNATURE;
            case SPEC -> SPEC;
            case FEATURES -> FEATURES;
            case NUMERICS -> NUMERICS;
            case TOO_LARGE -> TOO_LARGE;
            case PARTS -> UNREADABLE;
            case NOT_FINITE -> NOT_FINITE;
            case WEIGHTS_HASH -> WEIGHTS_HASH;
            case GOLDEN_ROWS -> GOLDEN_ROWS;
        };
    }

    /// As written in metrics and health: `golden-rows`.
    public String code() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
