package io.tidegrad.engine.layer;

/// Branches that read the same input; outputs side by side on the last axis.
public record Concat(java.util.List<Layer> layers) implements Layer {}
