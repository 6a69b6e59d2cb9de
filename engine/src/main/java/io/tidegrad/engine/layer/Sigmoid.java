package io.tidegrad.engine.layer;

/// 1 / (1 + e^-x)
public record Sigmoid() implements Layer {}
