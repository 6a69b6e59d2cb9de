package io.tidegrad.cli.quickstart;

import org.jspecify.annotations.Nullable;

/// The quick start can't go on. The message is for the person who reads it: what happened, where to look.
public final class QuickstartException extends RuntimeException {
    public QuickstartException(String message) {
        super(message);
    }

    public QuickstartException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
