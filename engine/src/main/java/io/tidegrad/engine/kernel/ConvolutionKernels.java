package io.tidegrad.engine.kernel;

import org.jspecify.annotations.Nullable;

/// Convolutions, with tables of the addresses of a patch's numbers. The input gradient is a convolution too.
interface ConvolutionKernels {
    /// The most outputs that `convolutionOfPlanes` supports: half of the narrowest panel.
    int NARROW_OUTPUTS = 8;

    /// y[p] = b + Σ_k x[p, k] W[k] (k ascending, FMA; each accumulator starts with `bias[o]`, 0 without bias), for
    /// patches `fromPatch` (inclusive) to `toPatch` (exclusive) of one image.
    ///
    /// @param panels (patches.taps().length, outputs)
    /// @param y panels.stride() floats at each of the patches' places
    void convolution(Panels panels, Patches patches, int fromPatch, int toPatch, float[] x, int xAt, float[] w,
            float @Nullable [] bias, float[] y, int yAt);

    /// y[c][r] = x[r][c]: lines of channels to planes of pixels. Entries `rows` to `paddedRows` of a plane become zero.
    ///
    /// @param paddedRows at least rows; whole vectors are fastest
    void transpose(int rows, int paddedRows, int columns, float[] x, int xAt, int xStride, float[] y, int yAt,
            int yStride);

    /// Computes the sums of `convolution`, starting from 0, for an image of x in planes, one per channel, and few
    /// outputs: pixels are in the lanes, because outputs would leave half of them empty. Patch (i, j) of `lines` x
    /// `columns` has its corner at `x[xAt + i · xLine + j]`, its number k is `taps[k]` further, and its sums are at
    /// `y[yAt + (i · columns + j) yStride]`, followed by zeros up to `panels.stride()`.
    ///
    /// @param panels (taps.length, outputs), of at most `NARROW_OUTPUTS` outputs
    /// @param tile the thread's own scratch, `Kernels.TILES` floats
    void convolutionOfPlanes(Panels panels, int[] taps, int lines, int columns, float[] x, int xAt, int xLine,
            float[] w, float[] y, int yAt, int yStride, float[] tile);

    /// For each weight of taps `fromTap` (inclusive) to `toTap` (exclusive), applies the optimizer to the gradient g =
    /// scale · Σ x[p, k] dy[p][o] over all patches of all images (image after image, patches ascending, FMA from 0,
    /// then one multiplication by scale).
    ///
    /// @param xImage floats from one image of x to the next
    /// @param dy one line per patch and image, dyStride apart; the patches' places are not used
    /// @param state the optimizer's state, one array per part, each laid out like `w`
    /// @param sums receives the gradient of the bias, the `columnSums` of all lines of dy, panels.stride() floats; null
    ///     if not needed
    void convolutionUpdate(OptimizerStep step, Panels panels, Patches patches, int fromTap, int toTap, int images,
            float scale, float[] x, int xAt, int xImage, float[] dy, int dyAt, int dyStride, float[] w, float[][] state,
            float @Nullable [] sums, float[] tile);
}
