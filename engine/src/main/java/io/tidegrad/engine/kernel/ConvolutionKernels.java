package io.tidegrad.engine.kernel;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Convolutions, with tables of the addresses of a patch's numbers. The input gradient is a convolution too.
interface ConvolutionKernels {
    /// The most outputs that `convolutionOfPlanes` supports: half of the narrowest panel.
    int NARROW_OUTPUTS = 8;

    /// y[p] = b + Σ_k x[p, k] W[k] (k ascending, FMA; each accumulator starts with `bias[o]`, 0 without bias), for
    /// patches `fromPatch` (inclusive) to `toPatch` (exclusive) of one image.
    ///
    /// @param panels (patches.taps.length, outputs)
    /// @param y panels.stride() floats at each of the patches' places
    default void convolution(Panels panels, Patches patches, int fromPatch, int toPatch, float[] x, int xAt, float[] w,
            float @Nullable [] bias, float[] y, int yAt) {
        for (int p = fromPatch; p < toPatch; p++) {
            int corner = xAt + patches.corners[p];
            int place = yAt + patches.places[p];
            for (int o = 0; o < panels.stride(); o++) {
                float sum = bias == null ? 0f : bias[o];
                for (int k = 0; k < panels.inputs(); k++) {
                    sum = Math.fma(x[corner + patches.taps[k]], w[panels.index(k, o)], sum);
                }
                y[place + o] = sum;
            }
        }
    }

    /// y[c][r] = x[r][c]: lines of channels to planes of pixels. Entries `rows` to `paddedRows` of a plane become zero.
    ///
    /// @param paddedRows at least rows; whole vectors are fastest
    default void transpose(int rows, int paddedRows, int columns, float[] x, int xAt, int xStride, float[] y, int yAt,
            int yStride) {
        for (int r = 0; r < paddedRows; r++) {
            int xRow = xAt + r * xStride;
            int at = yAt + r;
            for (int c = 0; c < columns; c++) {
                y[at] = r < rows ? x[xRow + c] : 0f;
                at += yStride;
            }
        }
    }

    /// Computes the sums of `convolution`, starting from 0, for an image of x in planes, one per channel, and few
    /// outputs: pixels are in the lanes, because outputs would leave half of them empty. Patch (i, j) of `lines` x
    /// `columns` has its corner at `x[xAt + i · xLine + j]`, its number k is `taps[k]` further, and its sums are at
    /// `y[yAt + (i · columns + j) yStride]`, followed by zeros up to `panels.stride()`.
    ///
    /// @param panels (taps.length, outputs), of at most `NARROW_OUTPUTS` outputs
    default void convolutionOfPlanes(Panels panels, int[] taps, int lines, int columns, float[] x, int xAt, int xLine,
            float[] w, float[] y, int yAt, int yStride, float[] tile) {
        for (int p = 0; p < lines * columns; p++) {
            int corner = xAt + p / columns * xLine + p % columns;
            int place = yAt + p * yStride;
            for (int o = 0; o < panels.outputs(); o++) {
                float sum = 0f;
                for (int k = 0; k < panels.inputs(); k++) {
                    sum = Math.fma(x[corner + taps[k]], w[panels.index(k, o)], sum);
                }
                y[place + o] = sum;
            }
            Arrays.fill(y, place + panels.outputs(), place + panels.stride(), 0f);
        }
    }

    /// For each weight of taps `fromTap` (inclusive) to `toTap` (exclusive), applies the optimizer to the gradient g =
    /// scale · Σ x[p, k] dy[p][o] over all patches of all images (image after image, patches ascending, FMA from 0,
    /// then one multiplication by scale).
    ///
    /// @param xImage floats from one image of x to the next
    /// @param dy one line per patch and image, dyStride apart; the patches' places are not used
    /// @param sums receives the gradient of the bias, the `columnSums` of all lines of dy, panels.stride() floats; null
    ///     if not needed
    default void convolutionUpdate(OptimizerStep step, Panels panels, Patches patches, int fromTap, int toTap,
            int images, float scale, float[] x, int xAt, int xImage, float[] dy, int dyAt, int dyStride, float[] w,
            float[][] state, float @Nullable [] sums, float[] tile) {
        if (sums != null) {
            for (int o = 0; o < panels.stride(); o++) {
                sums[o] = scale * NormKernels.columnSum(images * patches.count(), dy, dyAt + o, dyStride);
            }
        }
        for (int k = fromTap; k < toTap; k++) {
            for (int o = 0; o < panels.stride(); o++) {
                float g = 0f;
                for (int image = 0; image < images; image++) {
                    int tap = xAt + image * xImage + patches.taps[k];
                    int line = dyAt + image * patches.count() * dyStride;
                    for (int p = 0; p < patches.count(); p++) {
                        float xp = x[tap + patches.corners[p]];
                        g = Math.fma(xp, dy[line + p * dyStride + o], g);
                    }
                }
                int at = panels.index(k, o);
                OptimizerKernels.updateOne(step, scale * g, w, at, state, at, 0);
            }
        }
    }
}
