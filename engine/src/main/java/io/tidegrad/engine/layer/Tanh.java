package io.tidegrad.engine.layer;

/// tanh x
public record Tanh() implements Layer {}
