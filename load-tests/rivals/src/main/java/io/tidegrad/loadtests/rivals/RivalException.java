package io.tidegrad.loadtests.rivals;

/// A rival that can't do what is asked of it; the message says what.
final class RivalException extends RuntimeException {
    RivalException(String message) {
        super(message);
    }

    RivalException(String message, Throwable cause) {
        super(message, cause);
    }
}
