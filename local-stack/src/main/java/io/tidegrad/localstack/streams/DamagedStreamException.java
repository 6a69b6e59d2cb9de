package io.tidegrad.localstack.streams;

import org.jspecify.annotations.Nullable;

/// A shipped stream is damaged. The message says which file, what was expected and what was found.
public final class DamagedStreamException extends RuntimeException {
    public DamagedStreamException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
