package io.tidegrad.engine.kernel;

import org.jspecify.annotations.Nullable;

/// The loops. `ScalarKernels` is the definition; the vector kernels are the speed; both give the same bits for the same
/// arguments at every vector width, cold and hot. Rules of summation:
///
/// - forward and weight gradients: one accumulator an output element, k (input or row) ascending, FMA; of convolutions also
///   the input gradients;
/// - input gradients (a dot product over outputs): 16 virtual lanes, lane l takes outputs o with o mod 16 = l, ascending
///   over all panels, FMA; then the tree +8, +4, +2, +1;
/// - the denominator of softmax: ascending;
/// - everything else elementwise, with the polynomials of `ScalarMath`.
///
/// All matrices are row-major with an explicit stride; `…At` is the first index used. Padding columns of `y`, `dy`, `w`
/// and optimizer state are zero before a call and stay zero, as long as all other numbers are finite.
///
/// Dense kernels take a range (of panels, or of inputs), so that threads can share a layer: an element has the same bits
/// whatever the range it lies in, and nothing outside of the range is written. Kernels have no state and may be shared by
/// threads; the `tile` is the calling thread's own.
public sealed interface Kernels permits ScalarKernels, VectorKernels {
    /// Floats of a tile, the kernels' scratch, 2 KB that never leave the first-level cache: gradients between computing and
    /// applying them (6 inputs of a panel of 64, or 32 of 16), or the virtual lanes of 32 dot products.
    int TILE = 512;

    /// The process's kernels: `-Dtidegrad.kernels=scalar|128|256|512` for tests, else the widest that the hardware has.
    /// Scalar also where the incubator module is missing. Refuses hardware without FMA with an `IllegalStateException`
    /// that says so (Math.fma would be hundreds of times slower, mul+add would change the bits).
    static Kernels active() {
        return ActiveKernels.get();
    }

    /// For logs, health and bench lines: `scalar`, `simd-128`, `simd-256`, `simd-512`.
    String name();

    /// y = x W + b, the columns of panels `fromPanel` to `toPanel`, the last not included. Each accumulator starts with
    /// `bias[o]` (0 without bias).
    ///
    /// @param x shape (rows, panels.inputs()), stride xStride
    /// @param w panels
    /// @param bias panels.stride() floats, or null
    /// @param y shape (rows, panels.stride()), stride yStride
    void denseForward(
            Panels panels,
            int fromPanel,
            int toPanel,
            int rows,
            float[] x,
            int xAt,
            int xStride,
            float[] w,
            float @Nullable [] bias,
            float[] y,
            int yAt,
            int yStride);

    /// dx = dy Wᵀ, overwriting dx, the columns of inputs `fromInput` to `toInput`, the last not included.
    ///
    /// @param dy shape (rows, panels.stride()), stride dyStride
    /// @param dx shape (rows, panels.inputs()), stride dxStride
    void denseInputGradient(
            Panels panels,
            int fromInput,
            int toInput,
            int rows,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] w,
            float[] dx,
            int dxAt,
            int dxStride);

    /// For each weight of the inputs from `fromInput` to `toInput`, the last not included: g = scale · Σ_r x[r][i] dy[r][o] (r ascending, FMA from 0, then one multiplication by scale),
    /// applied at once by the optimizer; the gradient is never stored.
    ///
    /// @param state the optimizer's state, an array a part, each laid out as `w`
    void denseUpdate(
            OptimizerStep step,
            Panels panels,
            int fromInput,
            int toInput,
            int rows,
            float scale,
            float[] x,
            int xAt,
            int xStride,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] w,
            float[][] state,
            float[] tile);

    /// One row: dx = dy Wᵀ with the weights from before, and the update of `denseUpdate`, in one pass over the weights.
    /// Same bits as the two calls. `dx` is null where nobody needs it (the first layer).
    void denseInputGradientAndUpdate(
            OptimizerStep step,
            Panels panels,
            int fromInput,
            int toInput,
            float scale,
            float[] x,
            int xAt,
            float[] dy,
            int dyAt,
            float[] w,
            float[][] state,
            float @Nullable [] dx,
            int dxAt,
            float[] tile);

    /// db[o] = scale · Σ_r dy[r][o] (r ascending: starts with row 0, adds), applied at once to `bias`.
    ///
    /// @param state an array a part, each laid out as `bias`
    void biasUpdate(
            OptimizerStep step,
            int width,
            int rows,
            float scale,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] bias,
            float[][] state,
            float[] tile);

    /// y[p] = b + Σ_k x[p, k] W[k] (k ascending, FMA; each accumulator starts with `bias[o]`, 0 without bias), for patches
    /// `fromPatch` to `toPatch` of one image, the last not included.
    ///
    /// @param panels (patches.taps().length, outputs)
    /// @param y panels.stride() floats at each place
    void convolution(
            Panels panels,
            Patches patches,
            int fromPatch,
            int toPatch,
            float[] x,
            int xAt,
            float[] w,
            float @Nullable [] bias,
            float[] y,
            int yAt);

    /// For each weight of the taps from `fromTap` to `toTap`, the last not included: g = scale · Σ x[p, k] dy[p][o] over all
    /// patches of all images (image after image, patches ascending, FMA from 0, then one multiplication by scale), applied
    /// at once by the optimizer.
    ///
    /// @param xImage from one image of x to the next
    /// @param dy a line for each patch of each image, dyStride apart: the patches' places are not read
    /// @param state the optimizer's state, an array a part, each laid out as `w`
    void convolutionUpdate(
            OptimizerStep step,
            Panels panels,
            Patches patches,
            int fromTap,
            int toTap,
            int images,
            float scale,
            float[] x,
            int xAt,
            int xImage,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] w,
            float[][] state,
            float[] tile);

    /// For each column of one image: y[w] = the maximum of window w, first[w] = which of the window's numbers is the first of
    /// that size, counted from 0. A NaN is greater than all numbers, and the last one counts.
    ///
    /// @param y a line for each window, yStride apart; `first` too
    void maxPool(
            Windows windows,
            int width,
            float[] x,
            int xAt,
            float[] y,
            float[] first,
            int yAt,
            int yStride);

    /// In all of window w: dx = dy[w] in its first maximum, else 0. Where windows overlap that is added to dx, windows
    /// ascending; dx is zero before the first of them, never -0.
    void maxPoolGradient(
            Windows windows,
            int width,
            float[] first,
            float[] dy,
            int yAt,
            int yStride,
            float[] dx,
            int dxAt);

    /// For each column of one image: y[w] = Σ x / divisor over window w (ascending: starts with its first number, adds).
    void averagePool(
            Windows windows,
            int width,
            float divisor,
            float[] x,
            int xAt,
            float[] y,
            int yAt,
            int yStride);

    /// In all of window w: dx = dy[w] / divisor. Where windows overlap that is added to dx, windows ascending.
    void averagePoolGradient(
            Windows windows,
            int width,
            float divisor,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] dx,
            int dxAt);

    /// The optimizer on `length` given gradients (an embedding row, say).
    ///
    /// @param state part p of the state of weight i is `state[p][stateAt + p * stateStride + i]`: stride 0 where each part has
    ///     an array of its own, the row's length where all lie in the row
    void update(
            OptimizerStep step,
            int length,
            float[] g,
            int gAt,
            float[] w,
            int wAt,
            float[][] state,
            int stateAt,
            int stateStride);

    /// y = b / divisor, the bytes of pixels unsigned.
    void unsignedBytes(int length, byte[] bytes, int from, float divisor, float[] y, int yAt);

    /// y = max(x, 0); NaN stays NaN; in place allowed.
    void relu(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = y > 0 ? dy : 0 (slope 0 at 0); in place on dy allowed.
    void reluGradient(int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = 1 / (1 + e^-x); in place allowed. Not 0 at 0: call it on logical columns only, never on padding.
    void sigmoid(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy y (1 - y); in place on dy allowed.
    void sigmoidGradient(
            int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = tanh x; in place allowed.
    void tanh(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy (1 - y²); in place on dy allowed.
    void tanhGradient(int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// Each row: y = e^(x - max x) / Σ e^(x - max x); in place allowed.
    ///
    /// @param width classes, at least 1: logical columns only, padding is neither read nor written
    void softmax(
            int rows, int width, float[] x, int xAt, int xStride, float[] y, int yAt, int yStride);
}
