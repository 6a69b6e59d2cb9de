package io.tidegrad.loadtests;

import org.jspecify.annotations.Nullable;

/// A load test can't go on, or did not measure what it should. The message says what was expected and found.
public final class LoadTestException extends RuntimeException {
    public LoadTestException(String message) {
        super(message);
    }

    public LoadTestException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
