package io.tidegrad.engine.layer;

/// (x - mean) / deviation, with the statistics from before the batch, which then learn from it; double accumulators.
public record Standardise() implements Layer {}
