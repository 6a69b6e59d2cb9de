package io.tidegrad.engine.kernel;

import org.jspecify.annotations.Nullable;

/// The loops. `ScalarKernels` is the definition; the vector kernels are the speed; both give the same bits for the same
/// arguments at every vector width, cold and hot. Rules of summation:
///
/// - forward and weight gradients: one accumulator an output element, k (input or row) ascending, FMA; of convolutions also
///   the input gradients;
/// - input gradients (a dot product over outputs): 16 virtual lanes, lane l takes outputs o with o mod 16 = l, ascending
///   over all panels, FMA; then the tree +8, +4, +2, +1;
/// - sums along a line (norms, softmax in lanes): the same lanes and the same tree;
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

    /// y[r][c] = scale · Σ_k a[r][k] b[k][c] (k ascending, FMA from 0, then one multiplication by scale), for `rows` rows and
    /// `columns` columns. Nothing else of `y` is written, nothing else of `a` and `b` is read.
    ///
    /// @param a a[r][k] is `a[aAt + r aRow + k aStep]`: a matrix or, with the two exchanged, its transpose
    /// @param b b[k][c] is `b[bAt + k bStep + c]`
    void multiply(
            int rows,
            int columns,
            int depth,
            float scale,
            float[] a,
            int aAt,
            int aRow,
            int aStep,
            float[] b,
            int bAt,
            int bStep,
            float[] y,
            int yAt,
            int yRow);

    /// In place, each row: e^(x - max x) / Σ e^(x - max x), the sum in virtual lanes. Row r has `width + r growth` columns;
    /// those from there to the next multiple of 16 become 0 (NaN where the row does).
    ///
    /// @param width at least 1
    /// @param growth 0, or 1 for rows that see one column more than the row before
    void softmaxInLanes(int rows, int width, int growth, float[] x, int xAt, int xStride);

    /// In place, each row: dx = y (dy - Σ y dy), the sum in virtual lanes; `dy` becomes dx.
    ///
    /// @param width a multiple of 16: where y is 0, dx is
    void softmaxInLanesGradient(
            int rows,
            int width,
            float[] y,
            int yAt,
            int yStride,
            float[] dy,
            int dyAt,
            int dyStride);

    /// Each row: y = (x - mean) inverse with inverse = 1 / sqrt(mean of (x - mean)² + epsilon), the sums in virtual lanes;
    /// `y` may be `x`.
    ///
    /// @param centred false where 0 stands for the mean
    /// @param inverse one for each row, written from `inverseAt` on
    void normalise(
            boolean centred,
            int rows,
            int width,
            float epsilon,
            float[] x,
            int xAt,
            int xStride,
            float[] y,
            int yAt,
            int yStride,
            float[] inverse,
            int inverseAt);

    /// In place, each row: dx = inverse (dy - mean of dy - y · mean of (dy y)), the sums in virtual lanes; `dy` becomes dx.
    ///
    /// @param centred false where 0 stands for the mean of dy
    void normaliseGradient(
            boolean centred,
            int rows,
            int width,
            float[] y,
            int yAt,
            int yStride,
            float[] inverse,
            int inverseAt,
            float[] dy,
            int dyAt,
            int dyStride);

    /// y[r][c] = x[r][c] · scale[c] + shift[r][c], one FMA; `y` may be `x` or `shift`.
    ///
    /// @param shift stride 0 for one row that is added to all
    void scaleAndShift(
            int rows,
            int width,
            float[] x,
            int xAt,
            int xStride,
            float[] scale,
            float[] shift,
            int shiftAt,
            int shiftStride,
            float[] y,
            int yAt,
            int yStride);

    /// sums[c] = scale · Σ_r x[r][c] (r ascending: starts with row 0, adds).
    void columnSums(
            int width, int rows, float scale, float[] x, int xAt, int xStride, float[] sums);

    /// sums[c] = scale · Σ_r a[r][c] b[r][c] (r ascending, FMA from 0).
    void columnProducts(
            int width,
            int rows,
            float scale,
            float[] a,
            int aAt,
            int aStride,
            float[] b,
            int bAt,
            int bStride,
            float[] sums);

    /// y = x · factor, or x · 0 with probability `limit` / 2^24: number (r, c) is drawn from `key` and its index
    /// `from + r rowStep + c columnStep`, as `ScalarKernels.drawn` says. In place allowed.
    void dropout(
            int rows,
            int width,
            long key,
            int from,
            int rowStep,
            int columnStep,
            int limit,
            float factor,
            float[] x,
            int xAt,
            int xStride,
            float[] y,
            int yAt,
            int yStride);

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
