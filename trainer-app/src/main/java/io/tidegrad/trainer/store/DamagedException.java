package io.tidegrad.trainer.store;

/// Bytes of a changelog are not what was written. Never leaves the package: whoever read them knows where they were,
/// and says so (`Refusals.damaged`).
final class DamagedException extends RuntimeException {
    DamagedException(String expected, String found) {
        super("expected " + expected + ", found " + found);
    }
}
