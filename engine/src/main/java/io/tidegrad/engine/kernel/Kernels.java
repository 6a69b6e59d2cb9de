package io.tidegrad.engine.kernel;

/// The loops. `ScalarKernels` is the definition; `VectorKernels` is the speed; both give the same bits for the same
/// arguments at every vector width, cold and hot. Rules of summation:
///
/// - forward and weight gradients: one accumulator an output element, k (input or row) ascending, FMA;
/// - input gradients (a dot product over outputs): 16 virtual lanes, lane l takes outputs o with o mod 16 = l, ascending
///   over all panels, FMA; then the tree +8, +4, +2, +1;
/// - everything else elementwise, with the polynomials of `ScalarMath`.
///
/// All matrices are row-major with an explicit stride; `…At` is the first index used. Padding columns of `y`, `dy`, `w`
/// and optimizer state are zero before a call and stay zero.
public interface Kernels {
    /// The process's kernels: `-Dtidegrad.kernels=scalar|128|256|512` for tests, else the widest that the hardware has.
    /// Scalar also where the incubator module is missing. Refuses hardware without FMA with an `IllegalStateException`
    /// that says so (Math.fma would be ~9000 times slower, mul+add would change the bits).
    static Kernels active() {
        throw new UnsupportedOperationException();
    }

    /// For logs, health and bench lines: `scalar`, `simd-128`, `simd-256`, `simd-512`.
    String name();

    /// y = x W + b. Starts each accumulator with `bias[o]` (0 without bias).
    ///
    /// @param x shape (rows, panels.inputs()), stride xStride
    /// @param w panels
    /// @param bias panels.stride() floats, or null
    /// @param y shape (rows, panels.stride()), stride yStride
    void denseForward(
            Panels panels, int rows, float[] x, int xAt, int xStride, float[] w, float @org.jspecify.annotations.Nullable [] bias, float[] y, int yAt, int yStride);

    /// dx = dy Wᵀ, overwriting dx.
    void denseInputGradient(
            Panels panels, int rows, float[] dy, int dyAt, int dyStride, float[] w, float[] dx, int dxAt, int dxStride);

    /// For each weight: g = scale · Σ_r x[r][i] dy[r][o] (r ascending, FMA, then one multiplication by scale), applied
    /// at once by the optimizer; the gradient is never stored. `first` and `second` are the optimizer's moments in panel
    /// layout (empty arrays where the kind has none).
    void denseUpdate(
            OptimizerStep step, Panels panels, int rows, float scale, float[] x, int xAt, int xStride, float[] dy, int dyAt, int dyStride, float[] w, float[] first, float[] second);

    /// One row: dx = dy Wᵀ with the weights from before, and the update of `denseUpdate`, in one pass over the weights.
    /// Same bits as the two calls. `dx` is null where nobody needs it (the first layer).
    void denseInputGradientAndUpdate(
            OptimizerStep step, Panels panels, float scale, float[] x, int xAt, float[] dy, int dyAt, float[] w, float[] first, float[] second, float @org.jspecify.annotations.Nullable [] dx, int dxAt);

    /// db[o] = scale · Σ_r dy[r][o] (r ascending: starts with row 0, adds), applied at once to `bias`.
    void biasUpdate(
            OptimizerStep step, int width, int rows, float scale, float[] dy, int dyAt, int dyStride, float[] bias, float[] first, float[] second);

    /// The optimizer on `length` given gradients (an embedding row, say).
    void update(
            OptimizerStep step, int length, float[] g, int gAt, float[] w, int wAt, float[] first, int firstAt, float[] second, int secondAt);

    /// y = max(x, 0), 0 for NaN-free input; in place allowed.
    void relu(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = y > 0 ? dy : 0 (slope 0 at 0); in place on dy allowed.
    void reluGradient(int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt);

    void sigmoid(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy y (1 - y)
    void sigmoidGradient(int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt);

    void tanh(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy (1 - y²)
    void tanhGradient(int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt);
}
