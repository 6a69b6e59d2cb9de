package io.tidegrad.engine.kernel;

/// The definition of the engine's results: every result is, bit for bit, what these loops compute. They are written to
/// be read. They are also the fallback if the Vector API is missing, and the reference that the vector kernels are
/// tested against. Kernels have no state, so each family is an interface whose default methods are its definition.
public final class ScalarKernels implements Kernels, ScalarDenseKernels, ScalarConvolutionKernels, ScalarPoolingKernels,
        ScalarOptimizerKernels, ScalarTableKernels, ScalarActivationKernels, ScalarSoftmaxKernels, ScalarNormKernels,
        ScalarRecurrentKernels, ScalarDropoutKernels, ScalarByteKernels {
    @Override
    public String name() {
        return "scalar";
    }
}
