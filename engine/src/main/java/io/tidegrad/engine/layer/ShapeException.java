package io.tidegrad.engine.layer;

/// A layer that can't stand where it stands; the message names its place, what it expects and what it found.
public final class ShapeException extends IllegalArgumentException {
    public ShapeException(String message) {
        super(message);
    }
}
