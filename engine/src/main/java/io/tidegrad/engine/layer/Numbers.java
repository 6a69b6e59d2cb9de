package io.tidegrad.engine.layer;

/// Reads `count` floats of the row.
public record Numbers(int from, int count) implements Layer {}
