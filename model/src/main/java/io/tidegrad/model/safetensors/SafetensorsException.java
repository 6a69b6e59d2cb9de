package io.tidegrad.model.safetensors;

/// A safetensors file can't be read. The message says what was expected and what was found.
public final class SafetensorsException extends RuntimeException {
    SafetensorsException(String message) {
        super(message);
    }
}
