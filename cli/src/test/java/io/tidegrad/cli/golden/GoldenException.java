package io.tidegrad.cli.golden;

/// A folder or file that can't be used: says which, what was expected and what was found.
public final class GoldenException extends RuntimeException {
    GoldenException(String message) {
        super(message);
    }
}
