package io.tidegrad.model.safetensors;

/// A model can't start with these weights. The message says which file, what was expected and what was found.
public final class InitialWeightsException extends RuntimeException {
    InitialWeightsException(String message) {
        super(message);
    }
}
