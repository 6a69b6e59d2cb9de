package io.tidegrad.engine.optim;

/// How a gradient changes a weight; fills the `OptimizerStep` that kernels read.
public sealed interface Optimizer permits Sgd, Adam {}
