package io.tidegrad.engine.kernel;

/// The loops. `ScalarKernels` is the definition; the vector kernels are the speed; both give the same bits for the same
/// arguments at every vector width, cold and hot. Rules of summation:
///
/// - forward and weight gradients: one accumulator an output element, k (input or row) ascending, FMA; of convolutions
///   also the input gradients;
/// - forward of panels of 16 with many inputs (`Panels.sumsInputsInLanes`): 16 virtual lanes, lane l takes inputs i
///   with i mod 16 = l, ascending, FMA; then the tree +8, +4, +2, +1; then the bias;
/// - input gradients of few rows (`Panels.sumsOutputsInLanes`): the same lanes over the outputs of all panels, and the
///   same tree; of more rows: one accumulator, outputs ascending, FMA;
/// - sums along a line (norms, softmax in lanes): the same lanes and the same tree;
/// - the denominator of softmax: ascending;
/// - everything else elementwise, with the polynomials of `ScalarMath`.
///
/// All matrices are row-major with an explicit stride; `…At` is the first index used. Padding columns of `y`, `dy`, `w`
/// and optimizer state are zero before a call and stay zero, as long as all other numbers are finite.
///
/// Kernels have no state and may be shared by threads; the `tile` is the calling thread's own. Each family has an
/// interface with its contracts; callers know this one only.
public sealed interface Kernels extends DenseKernels, ConvolutionKernels, PoolingKernels, OptimizerKernels,
        TableKernels, ActivationKernels, SoftmaxKernels, NormKernels, RecurrentKernels, DropoutKernels, ByteKernels
        permits ScalarKernels, VectorKernels {
    /// Floats of a tile, the kernels' scratch, 2 KB that never leave the first-level cache: gradients between computing
    /// and applying them (6 inputs of a panel of 64, or 32 of 16), or the virtual lanes of 32 dot products.
    int TILE = 512;

    /// Floats of the scratch that a thread gives to updates: a tile, and its transpose.
    int TILES = 2 * TILE;

    /// The process's kernels: `-Dtidegrad.kernels=scalar|128|256|512` for tests, else the widest that the hardware has.
    /// Scalar also where the incubator module is missing. Refuses hardware without FMA with an `IllegalStateException`
    /// that says so (Math.fma would be hundreds of times slower, mul+add would change the bits).
    static Kernels active() {
        return ActiveKernels.get();
    }

    /// For logs, health and bench lines: `scalar`, `simd-128`, `simd-256`, `simd-512`.
    String name();
}
