package io.tidegrad.model.snapshot;

import java.util.Locale;

/// Why a snapshot is refused. A refusal affects only that version: the last good version stays, and the next good one is
/// loaded.
public enum RefusalReason {
    /// The bytes of a key, part or manifest are not as expected: magic, format, length, position or checksum.
    UNREADABLE,
    /// A delta whose parent is not the served version, because that parent was refused or is missing. The next full
    /// snapshot repairs this.
    UNKNOWN_PARENT,
    /// The manifest is not signed, or not with the expected key.
    SIGNATURE,
    /// A manifest arrived without all of its parts, or another version began before the manifest arrived.
    INCOMPLETE,
    /// The declared or collected bytes exceed the limit of this process or its heap.
    TOO_LARGE, WRONG_MODEL,
    /// The spec in the manifest can't be parsed, or its fingerprint differs from the manifest's.
    SPEC,
    /// The spec differs from the served one of the same epoch.
    SPEC_CHANGED,
    /// Rows would have another meaning here than in training.
    FEATURES,
    /// The version was learned by a build with another `Numerics.VERSION`.
    NUMERICS, NOT_FINITE,
    /// The hash recomputed from the decoded floats is not the manifest's.
    WEIGHTS_HASH,
    /// The trainer's predictions were not reproduced bit for bit.
    GOLDEN_ROWS,
    /// The epoch has ended, because a control record began a later one.
    OLD_EPOCH,
    /// (epoch, version) is not above the one served.
    NOT_NEWER,
    /// A defect of this program. The log has its cause.
    INTERNAL;

    /// Returns the reason as in metrics and health: `golden-rows`.
    public String code() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
