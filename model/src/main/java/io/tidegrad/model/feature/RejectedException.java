package io.tidegrad.model.feature;

/// Carries a `Rejection` out of the Featurizer's depth; never leaves the package. Without a stack trace: a stream of
/// poison must not cost more than a stream of events.
final class RejectedException extends Exception {
    private final transient Rejection rejection;

    RejectedException(Rejection.Reason reason, String detail) {
        super(detail, null, false, false);
        rejection = new Rejection(reason, detail);
    }

    Rejection rejection() {
        return rejection;
    }
}
