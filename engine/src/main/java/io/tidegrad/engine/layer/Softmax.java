package io.tidegrad.engine.layer;

/// e^x / sum e^x over the last axis
public record Softmax() implements Layer {}
