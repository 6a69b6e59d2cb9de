package io.tidegrad.cli.golden;

/// Something of a case that the engine can't express yet: the case is skipped.
final class UnsupportedException extends RuntimeException {
    UnsupportedException(String what) {
        super(what);
    }
}
