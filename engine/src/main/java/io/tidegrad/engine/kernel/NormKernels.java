package io.tidegrad.engine.kernel;

/// Normalisation along a line, and scale and shift of columns with the sums that are their gradients.
interface NormKernels {
    /// For each row, y = (x - mean) inverse, where inverse = 1 / sqrt(mean of (x - mean)² + epsilon), the sums in
    /// virtual lanes; `y` may be `x`.
    ///
    /// @param centred if false, 0 is used for the mean
    /// @param inverse receives one value per row, starting at `inverseAt`
    default void normalise(boolean centred, int rows, int width, float epsilon, float[] x, int xAt, int xStride,
            float[] y, int yAt, int yStride, float[] inverse, int inverseAt) {
        for (int r = 0; r < rows; r++) {
            int xRow = xAt + r * xStride;
            int yRow = yAt + r * yStride;
            float mean = centred ? VirtualLanes.sum(width, x, xRow, 0, 1) / width : 0f;
            for (int c = 0; c < width; c++) {
                y[yRow + c] = x[xRow + c] - mean;
            }
            float variance = VirtualLanes.sumOfProducts(width, y, yRow, y, yRow, 0, 1) / width;
            float factor = 1f / (float) Math.sqrt(variance + epsilon);
            for (int c = 0; c < width; c++) {
                y[yRow + c] *= factor;
            }
            inverse[inverseAt + r] = factor;
        }
    }

    /// For each row, in place, dx = inverse (dy - mean of dy - y · mean of (dy y)), the sums in virtual lanes; `dy` is
    /// overwritten with dx.
    ///
    /// @param centred if false, 0 is used for the mean of dy
    default void normaliseGradient(boolean centred, int rows, int width, float[] y, int yAt, int yStride,
            float[] inverse, int inverseAt, float[] dy, int dyAt, int dyStride) {
        for (int r = 0; r < rows; r++) {
            int yRow = yAt + r * yStride;
            int dyRow = dyAt + r * dyStride;
            float mean = centred ? VirtualLanes.sum(width, dy, dyRow, 0, 1) / width : 0f;
            float along = VirtualLanes.sumOfProducts(width, y, yRow, dy, dyRow, 0, 1) / width;
            for (int c = 0; c < width; c++) {
                float rest = Math.fma(-along, y[yRow + c], dy[dyRow + c] - mean);
                dy[dyRow + c] = inverse[inverseAt + r] * rest;
            }
        }
    }

    /// y[r][c] = x[r][c] · scale[c] + shift[r][c], one FMA; `y` may be `x` or `shift`.
    ///
    /// @param shift with stride 0, one row that is added to all
    default void scaleAndShift(int rows, int width, float[] x, int xAt, int xStride, float[] scale, float[] shift,
            int shiftAt, int shiftStride, float[] y, int yAt, int yStride) {
        scaleAndShift(rows, 0, width, x, xAt, xStride, scale, shift, shiftAt, shiftStride, y, yAt, yStride);
    }

    static void scaleAndShift(int rows, int from, int to, float[] x, int xAt, int xStride, float[] scale, float[] shift,
            int shiftAt, int shiftStride, float[] y, int yAt, int yStride) {
        for (int r = 0; r < rows; r++) {
            for (int c = from; c < to; c++) {
                y[yAt + r * yStride + c] =
                        Math.fma(x[xAt + r * xStride + c], scale[c], shift[shiftAt + r * shiftStride + c]);
            }
        }
    }

    /// sums[c] = scale · Σ_r x[r][c] (r ascending: starts with row 0, adds).
    default void columnSums(int width, int rows, float scale, float[] x, int xAt, int xStride, float[] sums) {
        for (int c = 0; c < width; c++) {
            sums[c] = scale * columnSum(rows, x, xAt + c, xStride);
        }
    }

    /// sums[c] = scale · Σ_r a[r][c] b[r][c] (r ascending, FMA from 0).
    default void columnProducts(int width, int rows, float scale, float[] a, int aAt, int aStride, float[] b, int bAt,
            int bStride, float[] sums) {
        for (int c = 0; c < width; c++) {
            sums[c] = scale * columnProduct(rows, a, aAt + c, aStride, b, bAt + c, bStride);
        }
    }

    static float columnProduct(int rows, float[] a, int aAt, int aStride, float[] b, int bAt, int bStride) {
        float sum = 0f;
        for (int r = 0; r < rows; r++) {
            sum = Math.fma(a[aAt + r * aStride], b[bAt + r * bStride], sum);
        }
        return sum;
    }

    static float columnSum(int rows, float[] dy, int dyAt, int dyStride) {
        float sum = dy[dyAt];
        for (int r = 1; r < rows; r++) {
            sum += dy[dyAt + r * dyStride];
        }
        return sum;
    }
}
