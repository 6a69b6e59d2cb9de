package io.tidegrad.scorer;

import io.tidegrad.model.feature.Rejection;

/// An event that can't be scored: wrong type, not finite, out of range. The caller's mistake, never the model's.
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

    /// Position among the events of the call, from 0.
    public int index() {
        return index;
    }
}
