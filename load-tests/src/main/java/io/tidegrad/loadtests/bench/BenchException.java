package io.tidegrad.loadtests.bench;

/// A measurement that could not be made; the message says which and why.
public final class BenchException extends RuntimeException {
    BenchException(String message) {
        super(message);
    }
}
