package io.tidegrad.engine.layer;

/// Each layer reads the output of the one before it; the first reads the row.
public record Sequence(java.util.List<Layer> layers) implements Layer {}
