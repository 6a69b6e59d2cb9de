package io.tidegrad.scorer;

import io.tidegrad.model.feature.Rejection;

/// An event can't be scored, because a value has the wrong type, is not finite or is out of range. The mistake is in
/// the event and not in the model.
public final class RejectedEventException extends IllegalArgumentException {
    private final transient Rejection rejection;
    private final int index;

    RejectedEventException(int index, Rejection rejection) {
        super("event " + index + ": " + rejection.reason().code() + ": " + rejection.detail());
        this.rejection = rejection;
        this.index = index;
    }

    public Rejection rejection() {
        return rejection;
    }

    /// Returns the position among the events of the call, from 0.
    public int index() {
        return index;
    }
}
