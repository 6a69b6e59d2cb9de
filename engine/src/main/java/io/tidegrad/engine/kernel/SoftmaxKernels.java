package io.tidegrad.engine.kernel;

/// Softmax over rows: for classes with an ascending sum, and for attention, whose rows are long, with a sum in lanes.
interface SoftmaxKernels {
    /// For each row, y = e^(x - max x) / Σ e^(x - max x); in place allowed.
    ///
    /// @param width classes, at least 1: logical columns only, padding is neither read nor written
    default void softmax(int rows, int width, float[] x, int xAt, int xStride, float[] y, int yAt, int yStride) {
        for (int r = 0; r < rows; r++) {
            int xRow = xAt + r * xStride;
            int yRow = yAt + r * yStride;
            float max = max(width, x, xRow);
            expOfDifference(width, x, xRow, max, y, yRow);
            float sum = sum(width, y, yRow);
            for (int k = 0; k < width; k++) {
                y[yRow + k] /= sum;
            }
        }
    }

    /// For each row, in place, e^(x - max x) / Σ e^(x - max x), with the sum in virtual lanes. Row r has `width + r
    /// growth` columns; further columns up to the next multiple of 16 become 0 (NaN if the row does).
    ///
    /// @param width at least 1
    /// @param growth 0, or 1 if each row has one column more than the row before
    default void softmaxInLanes(int rows, int width, int growth, float[] x, int xAt, int xStride) {
        for (int r = 0; r < rows; r++) {
            int row = xAt + r * xStride;
            int columns = width + r * growth;
            expOfDifference(columns, x, row, max(columns, x, row), x, row);
            float sum = VirtualLanes.sum(columns, x, row, 0, 1);
            int end = columns;
            while (end % VirtualLanes.COUNT != 0) {
                x[row + end++] = 0f;
            }
            for (int c = 0; c < end; c++) {
                x[row + c] /= sum;
            }
        }
    }

    /// For each row, in place, dx = y (dy - Σ y dy), with the sum in virtual lanes; `dy` is overwritten with dx.
    ///
    /// @param width a multiple of 16; padding needs no mask, because dx is 0 where y is 0
    default void softmaxInLanesGradient(int rows, int width, float[] y, int yAt, int yStride, float[] dy, int dyAt,
            int dyStride) {
        for (int r = 0; r < rows; r++) {
            int yRow = yAt + r * yStride;
            int dyRow = dyAt + r * dyStride;
            float sum = VirtualLanes.sumOfProducts(width, y, yRow, dy, dyRow, 0, 1);
            for (int c = 0; c < width; c++) {
                dy[dyRow + c] = y[yRow + c] * (dy[dyRow + c] - sum);
            }
        }
    }

    /// y = e^(x - subtrahend)
    default void expOfDifference(int length, float[] x, int xAt, float subtrahend, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = ScalarMath.exp(x[xAt + k] - subtrahend);
        }
    }

    /// The maximum, which does not depend on the order.
    private static float max(int length, float[] x, int xAt) {
        float max = x[xAt];
        for (int k = 1; k < length; k++) {
            max = Math.max(max, x[xAt + k]);
        }
        return max;
    }

    /// The sum in ascending order.
    private static float sum(int length, float[] x, int xAt) {
        float sum = 0f;
        for (int k = 0; k < length; k++) {
            sum += x[xAt + k];
        }
        return sum;
    }
}
