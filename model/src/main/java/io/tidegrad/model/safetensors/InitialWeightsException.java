package io.tidegrad.model.safetensors;

import java.nio.file.Path;

/// A model can't start with these weights. The message says which file, what was expected and what was found.
public final class InitialWeightsException extends RuntimeException {
    InitialWeightsException(String message) {
        super(message);
    }

    static InitialWeightsException of(Path file, String expected, String found) {
        return new InitialWeightsException("initial weights " + file + ": expected " + expected + ", found " + found);
    }
}
