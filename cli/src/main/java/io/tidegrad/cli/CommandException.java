package io.tidegrad.cli;

import org.jspecify.annotations.Nullable;

/// A command can't do what it was asked to. The message says what was expected, what was found and what to do.
public final class CommandException extends RuntimeException {
    public CommandException(String message) {
        super(message);
    }

    public CommandException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
