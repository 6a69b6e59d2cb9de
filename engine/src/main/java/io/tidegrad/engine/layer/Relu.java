package io.tidegrad.engine.layer;

/// max(x, 0)
public record Relu() implements Layer {}
