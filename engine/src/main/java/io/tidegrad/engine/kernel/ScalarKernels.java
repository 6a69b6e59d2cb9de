package io.tidegrad.engine.kernel;

/// The definition of the engine's results: every result is, bit for bit, what the default methods of the families'
/// interfaces compute, next to their contracts. They are written to be read. They are also the fallback if the Vector
/// API is missing, and the reference that the vector kernels are tested against.
public final class ScalarKernels implements Kernels {
    @Override
    public String name() {
        return "scalar";
    }
}
