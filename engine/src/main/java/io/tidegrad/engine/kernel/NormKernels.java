package io.tidegrad.engine.kernel;

/// Normalisation along a line, and scale and shift of columns with the sums that are their gradients.
interface NormKernels {
    /// For each row, y = (x - mean) inverse, where inverse = 1 / sqrt(mean of (x - mean)² + epsilon), the sums in
    /// virtual lanes; `y` may be `x`.
    ///
    /// @param centred if false, 0 is used for the mean
    /// @param inverse receives one value per row, starting at `inverseAt`
    void normalise(boolean centred, int rows, int width, float epsilon, float[] x, int xAt, int xStride, float[] y,
            int yAt, int yStride, float[] inverse, int inverseAt);

    /// For each row, in place, dx = inverse (dy - mean of dy - y · mean of (dy y)), the sums in virtual lanes; `dy` is
    /// overwritten with dx.
    ///
    /// @param centred if false, 0 is used for the mean of dy
    void normaliseGradient(boolean centred, int rows, int width, float[] y, int yAt, int yStride, float[] inverse,
            int inverseAt, float[] dy, int dyAt, int dyStride);

    /// y[r][c] = x[r][c] · scale[c] + shift[r][c], one FMA; `y` may be `x` or `shift`.
    ///
    /// @param shift with stride 0, one row that is added to all
    void scaleAndShift(int rows, int width, float[] x, int xAt, int xStride, float[] scale, float[] shift, int shiftAt,
            int shiftStride, float[] y, int yAt, int yStride);

    /// sums[c] = scale · Σ_r x[r][c] (r ascending: starts with row 0, adds).
    void columnSums(int width, int rows, float scale, float[] x, int xAt, int xStride, float[] sums);

    /// sums[c] = scale · Σ_r a[r][c] b[r][c] (r ascending, FMA from 0).
    void columnProducts(int width, int rows, float scale, float[] a, int aAt, int aStride, float[] b, int bAt,
            int bStride, float[] sums);
}
