package io.tidegrad.engine.kernel;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The definition of `ConvolutionKernels`.
interface ScalarConvolutionKernels extends ConvolutionKernels {
    @Override
    default void convolution(Panels panels, Patches patches, int fromPatch, int toPatch, float[] x, int xAt, float[] w,
            float @Nullable [] bias, float[] y, int yAt) {
        for (int p = fromPatch; p < toPatch; p++) {
            int corner = xAt + patches.corners()[p];
            int place = yAt + patches.places()[p];
            for (int o = 0; o < panels.stride(); o++) {
                float sum = bias == null ? 0f : bias[o];
                for (int k = 0; k < panels.inputs(); k++) {
                    sum = Math.fma(x[corner + patches.taps()[k]], w[panels.index(k, o)], sum);
                }
                y[place + o] = sum;
            }
        }
    }

    @Override
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

    @Override
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

    @Override
    default void convolutionUpdate(OptimizerStep step, Panels panels, Patches patches, int fromTap, int toTap,
            int images, float scale, float[] x, int xAt, int xImage, float[] dy, int dyAt, int dyStride, float[] w,
            float[][] state, float @Nullable [] sums, float[] tile) {
        if (sums != null) {
            for (int o = 0; o < panels.stride(); o++) {
                sums[o] = scale * ScalarNormKernels.columnSum(images * patches.count(), dy, dyAt + o, dyStride);
            }
        }
        for (int k = fromTap; k < toTap; k++) {
            for (int o = 0; o < panels.stride(); o++) {
                float g = 0f;
                for (int image = 0; image < images; image++) {
                    int tap = xAt + image * xImage + patches.taps()[k];
                    int line = dyAt + image * patches.count() * dyStride;
                    for (int p = 0; p < patches.count(); p++) {
                        float xp = x[tap + patches.corners()[p]];
                        g = Math.fma(xp, dy[line + p * dyStride + o], g);
                    }
                }
                int at = panels.index(k, o);
                ScalarOptimizerKernels.updateOne(step, scale * g, w, at, state, at, 0);
            }
        }
    }
}
