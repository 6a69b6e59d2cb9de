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

    /// y = x > 0 ? x : slope x; in place allowed.
    void leakyRelu(int length, float slope, float[] x, int xAt, float[] y, int yAt);

    /// dx = x > 0 ? dy : dy slope; in place on dy allowed.
    void leakyReluGradient(
            int length,
            float slope,
            float[] x,
            int xAt,
            float[] dy,
            int dyAt,
            float[] dx,
            int dxAt);

    /// y = x > 0 ? x : alpha (e^x - 1); in place allowed.
    void elu(int length, float alpha, float[] x, int xAt, float[] y, int yAt);

    /// dx = x > 0 ? dy : dy alpha e^x; in place on dy allowed.
    void eluGradient(
            int length,
            float alpha,
            float[] x,
            int xAt,
            float[] dy,
            int dyAt,
            float[] dx,
            int dxAt);

    /// y = x Φ(x), Φ the standard normal distribution; in place allowed.
    void gelu(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy (Φ(x) + x φ(x)); in place on dy allowed.
    void geluGradient(int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))) / 2; in place allowed.
    void geluTanh(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy y'(x), of `geluTanh`; in place on dy allowed.
    void geluTanhGradient(
            int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = x / (1 + e^-x); in place allowed.
    void silu(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy (s + x s (1 - s)) with s = 1 / (1 + e^-x); in place on dy allowed.
    void siluGradient(int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = ln(1 + e^x); in place allowed.
    void softplus(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy / (1 + e^-x); in place on dy allowed.
    void softplusGradient(
            int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// Each row: y = e^(x - max x) / Σ e^(x - max x); in place allowed.
    ///
    /// @param width classes, at least 1: logical columns only, padding is neither read nor written
    void softmax(
            int rows, int width, float[] x, int xAt, int xStride, float[] y, int yAt, int yStride);
}
