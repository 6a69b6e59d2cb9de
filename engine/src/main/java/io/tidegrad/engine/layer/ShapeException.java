package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// A layer that can't stand where it stands; the message names its place, what it expects and what it found.
public final class ShapeException extends IllegalArgumentException {
    private final @Nullable String expected;
    private final @Nullable String found;

    /// @param place the layer, its place among others
    public ShapeException(String place, String expected, String found) {
        super(place + ": expected " + expected + "; found " + found);
        this.expected = expected;
        this.found = found;
    }

    /// Of what is no layer.
    public ShapeException(String message) {
        super(message);
        expected = null;
        found = null;
    }

    /// Without the place, for whoever names places otherwise; null if it is no layer's.
    public @Nullable String expected() {
        return expected;
    }

    public @Nullable String found() {
        return found;
    }
}
