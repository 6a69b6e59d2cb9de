package io.tidegrad.localstack;

import org.jspecify.annotations.Nullable;

/// Something outside the program keeps the stack from starting or running: a port in use, a directory taken, a missing
/// registry. The message is one line for the person who reads it: expected, found, and what to do.
public final class LocalStackException extends RuntimeException {
    public LocalStackException(String message) {
        super(message);
    }

    public LocalStackException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
