package io.tidegrad.model.safetensors;

/// A file that is not what it should be: what was expected, what was found.
public final class SafetensorsException extends RuntimeException {
    SafetensorsException(String message) {
        super(message);
    }
}
