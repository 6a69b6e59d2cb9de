package io.tidegrad.model.safetensors;

/// Weights that a model can't start with: which file, what was expected, what was found.
public final class InitialWeightsException extends RuntimeException {
    InitialWeightsException(String message) {
        super(message);
    }
}
