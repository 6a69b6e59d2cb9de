package io.tidegrad.loadtests;

import org.jspecify.annotations.Nullable;

/// A load test can't go on, or what it measured was not what it meant to measure: what was expected, what was found.
public final class LoadTestException extends RuntimeException {
    public LoadTestException(String message) {
        super(message);
    }

    public LoadTestException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
