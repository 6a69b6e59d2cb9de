package io.tidegrad.engine.kernel;

/// The definition.
public final class ScalarKernels {}
