package io.tidegrad.engine.optim;

/// w -= rate g.
public record Sgd(float rate) implements Optimizer {}
