package io.tidegrad.model.feature;

/// Carries a `Rejection` up to the Featurizer and never leaves the package. It has no stack trace, so that a stream of
/// invalid events does not cost more than a stream of valid ones.
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
