package io.tidegrad.engine.kernel;

/// Maximum and mean over the windows of an image, for each column.
interface PoolingKernels {
    /// For each column of one image: y[w] = the maximum of window w, first[w] = the index in the window, from 0, of its
    /// first number with this value. A NaN counts as greater than all numbers; of several, the last one is used.
    ///
    /// @param relu whether to apply a relu to x first: then y[w] = max(maximum, 0), which is the same, and first[w] =
    ///     -1 if y[w] is not above 0, because the relu then stops the gradient
    /// @param y one line per window, yStride apart, like `first`
    default void maxPool(Windows windows, boolean relu, int width, float[] x, int xAt, float[] y, float[] first,
            int yAt, int yStride) {
        for (int w = 0; w < windows.count(); w++) {
            int start = windows.starts[w];
            for (int c = 0; c < width; c++) {
                float max = x[xAt + windows.places[start] + c];
                float at = 0;
                for (int i = start + 1; i < windows.starts[w + 1]; i++) {
                    float xi = x[xAt + windows.places[i] + c];
                    if (xi > max || Float.isNaN(xi)) {
                        max = xi;
                        at = i - start;
                    }
                }
                y[yAt + w * yStride + c] = relu ? Math.max(max, 0f) : max;
                first[yAt + w * yStride + c] = relu && !(max > 0) ? -1 : at;
            }
        }
    }

    /// In window w, dx = dy[w] at its first maximum and 0 elsewhere; 0 everywhere if first[w] = -1. If windows overlap,
    /// this is added to dx, windows ascending; dx must be +0 before the call.
    default void maxPoolGradient(Windows windows, int width, float[] first, float[] dy, int yAt, int yStride,
            float[] dx, int dxAt) {
        for (int w = 0; w < windows.count(); w++) {
            int start = windows.starts[w];
            for (int c = 0; c < width; c++) {
                int at = yAt + w * yStride + c;
                for (int i = start; i < windows.starts[w + 1]; i++) {
                    float share = first[at] == i - start ? dy[at] : 0f;
                    int place = dxAt + windows.places[i] + c;
                    dx[place] = windows.overlap ? dx[place] + share : share;
                }
            }
        }
    }

    /// For each column of one image: y[w] = Σ x / divisor over window w (ascending: starts with its first number,
    /// adds).
    default void averagePool(Windows windows, int width, float divisor, float[] x, int xAt, float[] y, int yAt,
            int yStride) {
        for (int w = 0; w < windows.count(); w++) {
            int start = windows.starts[w];
            for (int c = 0; c < width; c++) {
                float sum = x[xAt + windows.places[start] + c];
                for (int i = start + 1; i < windows.starts[w + 1]; i++) {
                    sum += x[xAt + windows.places[i] + c];
                }
                y[yAt + w * yStride + c] = sum / divisor;
            }
        }
    }

    /// In window w, dx = dy[w] / divisor. If windows overlap, this is added to dx, windows ascending.
    default void averagePoolGradient(Windows windows, int width, float divisor, float[] dy, int dyAt, int dyStride,
            float[] dx, int dxAt) {
        for (int w = 0; w < windows.count(); w++) {
            for (int c = 0; c < width; c++) {
                float share = dy[dyAt + w * dyStride + c] / divisor;
                for (int i = windows.starts[w]; i < windows.starts[w + 1]; i++) {
                    int place = dxAt + windows.places[i] + c;
                    dx[place] = windows.overlap ? dx[place] + share : share;
                }
            }
        }
    }
}
