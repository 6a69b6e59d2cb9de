package io.tidegrad.engine.kernel;

import org.jspecify.annotations.Nullable;

/// The loops. `ScalarKernels` is the definition; the vector kernels are the speed; both give the same bits for the same
/// arguments at every vector width, cold and hot. Rules of summation:
///
/// - forward and weight gradients: one accumulator an output element, k (input or row) ascending, FMA;
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

    /// One step of a GRU between its products, Cho et al. 2014 as PyTorch has it. Each row of `gates` holds x W + b and
    /// receives r, z and n, `hidden` columns each; `products` holds h W + b in the same columns:
    ///
    /// r, z = sigmoid(gates + products), n = tanh(gates + r products), next = n + z (h - n).
    ///
    /// Padding is neither read nor written, as in the three kernels below.
    ///
    /// @param gates shape (rows, 3 hidden), stride gateStride; products alike
    /// @param h shape (rows, hidden), stride `stride`; next alike
    void gruStep(
            int rows,
            int hidden,
            float[] gates,
            int gatesAt,
            float[] products,
            int productsAt,
            int gateStride,
            float[] h,
            int hAt,
            float[] next,
            int nextAt,
            int stride);

    /// The gradients of that step. `gates` holds r, z, n and receives the gradient of x W + b; `products`, as it was, receives
    /// that of h W + b; `dh` holds the gradient of next and receives what of it reaches h past the product:
    ///
    /// dn = dh (1 - z) (1 - n²), dz = dh (h - n) z (1 - z), dr = dn products r (1 - r), dh z.
    void gruStepGradient(
            int rows,
            int hidden,
            float[] gates,
            int gatesAt,
            float[] products,
            int productsAt,
            int gateStride,
            float[] h,
            int hAt,
            float[] dh,
            int dhAt,
            int stride);

    /// One step of an LSTM between its products, Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000.
    /// Each row of `gates` holds x W + b and receives i, f, g and o, `hidden` columns each; `products` holds h W + b:
    ///
    /// i, f, o = sigmoid(gates + products), g = tanh(gates + products), cNext = f c + i g, hNext = o tanh cNext.
    void lstmStep(
            int rows,
            int hidden,
            float[] gates,
            int gatesAt,
            float[] products,
            int productsAt,
            int gateStride,
            float[] c,
            int cAt,
            float[] cNext,
            int cNextAt,
            float[] hNext,
            int hNextAt,
            int stride);

    /// The gradients of that step. `gates` holds i, f, g, o and receives the gradient of x W + b, which is that of h W + b;
    /// `dc` holds the gradient of cNext that comes from the next step and receives that of c:
    ///
    /// dc += dh o (1 - tanh² cNext), di = dc g i (1 - i), df = dc c f (1 - f), dg = dc i (1 - g²),
    /// do = dh tanh cNext o (1 - o), dc f.
    void lstmStepGradient(
            int rows,
            int hidden,
            float[] gates,
            int gatesAt,
            int gateStride,
            float[] c,
            int cAt,
            float[] cNext,
            int cNextAt,
            float[] dh,
            int dhAt,
            float[] dc,
            int dcAt,
            int stride);
}
