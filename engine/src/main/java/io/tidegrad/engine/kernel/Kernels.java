package io.tidegrad.engine.kernel;

/// The engine's inner loops. `ScalarKernels` has the defined results; the vector kernels are fast and give the same bits
/// for the same arguments at every vector width, interpreted or compiled. Rules of summation:
///
/// - forward and weight gradients, and input gradients of convolutions: one accumulator per output element, k (input or
///   row) ascending, FMA;
/// - forward of panels of 16 with many inputs (`Panels.sumsInputsInLanes`): 16 virtual lanes, where lane l sums inputs
///   i with i mod 16 = l, ascending, FMA; then the tree +8, +4, +2, +1; then the bias;
/// - input gradients of few rows (`Panels.sumsOutputsInLanes`): the same lanes and tree over the outputs of all panels;
///   input gradients of more rows: one accumulator, outputs ascending, FMA;
/// - sums along a line (norms, softmax in lanes): the same lanes and the same tree;
/// - the denominator of softmax: ascending;
/// - everything else is elementwise, with the polynomials of `ScalarMath`.
///
/// All matrices are row-major with an explicit stride; `…At` is the first index used. Padding columns of `y`, `dy`, `w`
/// and optimizer state are zero before a call and stay zero, as long as all other numbers are finite.
///
/// Kernels have no state and can be shared by threads; each thread passes its own scratch: a `tile` of `TILES` floats,
/// and where it is called `scratch`, `Panels.scratch()` floats. `state` is the optimizer's state, one array per part,
/// each laid out like the weights, unless said otherwise. Each family has an interface with its contracts and, as
/// default methods, its definition; callers only use this one.
public sealed interface Kernels extends DenseKernels, ConvolutionKernels, PoolingKernels, OptimizerKernels,
        TableKernels, ActivationKernels, SoftmaxKernels, NormKernels, RecurrentKernels, DropoutKernels, ByteKernels
        permits ScalarKernels, VectorKernels {
    /// Floats of a tile, the kernels' scratch of 2 KB, which stays in the first-level cache: gradients before they are
    /// applied (6 inputs of a panel of 64, or 32 of a panel of 16), or the virtual lanes of 32 dot products.
    int TILE = 512;

    /// Floats of the scratch that a thread passes to updates: a tile and its transpose.
    int TILES = 2 * TILE;

    /// The process's kernels: `-Dtidegrad.kernels=scalar|128|256|512` for tests, otherwise the widest that the hardware
    /// has. Scalar if the incubator module is missing. Throws an `IllegalStateException` on hardware without FMA
    /// (Math.fma would be hundreds of times slower, and mul+add would change the bits).
    static Kernels active() {
        return ActiveKernels.get();
    }

    /// The name in logs, health and benchmarks: `scalar`, `simd-128`, `simd-256`, `simd-512`.
    String name();
}
