package io.tidegrad.engine.optim;

/// Kingma & Ba 2015, algorithm 1.
public record Adam(float rate, float beta1, float beta2, float epsilon) implements Optimizer {}
