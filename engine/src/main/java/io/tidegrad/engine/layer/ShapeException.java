package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// A layer doesn't fit at its place. The message names the place, the shape expected and the shape found.
public final class ShapeException extends IllegalArgumentException {
    private final @Nullable String expected;
    private final @Nullable String found;

    /// @param place the layer and its place in the network
    public ShapeException(String place, String expected, String found) {
        super(place + ": expected " + expected + "; found " + found);
        this.expected = expected;
        this.found = found;
    }

    /// An exception about something other than a layer.
    public ShapeException(String message) {
        super(message);
        expected = null;
        found = null;
    }

    /// The message without the place, for callers with other names for places; null if it is not about a layer.
    public @Nullable String expected() {
        return expected;
    }

    public @Nullable String found() {
        return found;
    }
}
