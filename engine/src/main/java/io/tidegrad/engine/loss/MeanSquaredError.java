package io.tidegrad.engine.loss;

/// (p - y)², the mean over outputs.
public record MeanSquaredError() implements Loss {}
