package io.tidegrad.engine.kernel;

import org.jspecify.annotations.Nullable;

/// Convolutions, by tables of where the numbers of a patch lie. The input gradient is a convolution too.
interface ConvolutionKernels {
    /// Most outputs that `convolutionOfPlanes` is made for: half of the narrowest panel.
    int NARROW_OUTPUTS = 8;

    /// y[p] = b + Σ_k x[p, k] W[k] (k ascending, FMA; each accumulator starts with `bias[o]`, 0 without bias), for
    /// patches `fromPatch` to `toPatch` of one image, the last not included.
    ///
    /// @param panels (patches.taps().length, outputs)
    /// @param y panels.stride() floats at each place
    void convolution(Panels panels, Patches patches, int fromPatch, int toPatch, float[] x, int xAt, float[] w,
            float @Nullable [] bias, float[] y, int yAt);

    /// y[c][r] = x[r][c]: lines of channels to planes of pixels. Zeros follow for `rows` to `paddedRows`.
    ///
    /// @param paddedRows rows, or more: whole vectors of them cost least
    void transpose(int rows, int paddedRows, int columns, float[] x, int xAt, int xStride, float[] y, int yAt,
            int yStride);

    /// The sums of `convolution`, from 0, for an image of x that lies in planes, one for each channel, for few outputs:
    /// pixels are in the lanes, where outputs would leave half of them empty. Patch (i, j) of `lines` x `columns` has
    /// its corner at `x[xAt + i · xLine + j]`, number k of it `taps[k]` further, and its sums at `y[yAt + (i · columns
    /// + j) yStride]`, followed by zeros up to `panels.stride()`.
    ///
    /// @param panels (taps.length, outputs), of at most `NARROW_OUTPUTS` outputs
    /// @param tile the thread's own, `Kernels.TILES` floats
    void convolutionOfPlanes(Panels panels, int[] taps, int lines, int columns, float[] x, int xAt, int xLine,
            float[] w, float[] y, int yAt, int yStride, float[] tile);

    /// For each weight of the taps from `fromTap` to `toTap`, the last not included: g = scale · Σ x[p, k] dy[p][o]
    /// over all patches of all images (image after image, patches ascending, FMA from 0, then one multiplication by
    /// scale), applied at once by the optimizer.
    ///
    /// @param xImage from one image of x to the next
    /// @param dy a line for each patch of each image, dyStride apart: the patches' places are not read
    /// @param state the optimizer's state, an array a part, each laid out as `w`
    /// @param sums gets the gradient of the bias, as `columnSums` of all lines of dy, panels.stride() floats; null for
    ///     none
    void convolutionUpdate(OptimizerStep step, Panels panels, Patches patches, int fromTap, int toTap, int images,
            float scale, float[] x, int xAt, int xImage, float[] dy, int dyAt, int dyStride, float[] w, float[][] state,
            float @Nullable [] sums, float[] tile);
}
