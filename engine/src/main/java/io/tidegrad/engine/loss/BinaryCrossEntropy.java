package io.tidegrad.engine.loss;

/// -y ln p - (1 - y) ln(1 - p), from logits; one label float a output, 0 or 1.
public record BinaryCrossEntropy() implements Loss {}
