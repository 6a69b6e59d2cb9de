package io.tidegrad.engine.kernel;

/// The definition: every result of the engine is, bit for bit, what these loops give. Written to be read; also the
/// fallback where the Vector API is missing, and the oracle that the vector kernels are tested against. Kernels have no
/// state, so each family is an interface whose default methods are its definition.
public final class ScalarKernels implements Kernels, ScalarDenseKernels, ScalarConvolutionKernels, ScalarPoolingKernels,
        ScalarOptimizerKernels, ScalarTableKernels, ScalarActivationKernels, ScalarSoftmaxKernels, ScalarNormKernels,
        ScalarRecurrentKernels, ScalarDropoutKernels, ScalarByteKernels {
    @Override
    public String name() {
        return "scalar";
    }
}
