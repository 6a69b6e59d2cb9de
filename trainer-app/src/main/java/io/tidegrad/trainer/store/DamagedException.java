package io.tidegrad.trainer.store;

/// Thrown inside of this package if bytes of a changelog are not what was written. The reader that knows their place
/// turns it into an exception of `Refusals.damaged`.
final class DamagedException extends RuntimeException {
    DamagedException(String expected, String found) {
        super("expected " + expected + ", found " + found);
    }
}
