package io.tidegrad.engine.layer;

/// y = x W + b on the last axis.
public record Dense(int outputs, boolean bias, Initialization initialization) implements Layer {}
