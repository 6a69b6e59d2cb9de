package io.tidegrad.engine.kernel;

/// Softmax line by line; its loop over exp is generated.
interface VectorSoftmaxKernels extends SoftmaxKernels {
    @Override
    default void softmax(int rows, int width, float[] x, int xAt, int xStride, float[] y, int yAt, int yStride) {
        for (int r = 0; r < rows; r++) {
            int xRow = xAt + r * xStride;
            int yRow = yAt + r * yStride;
            float max = ScalarSoftmaxKernels.max(width, x, xRow);
            expOfDifference(width, x, xRow, max, y, yRow);
            float sum = ScalarSoftmaxKernels.sum(width, y, yRow);
            for (int k = 0; k < width; k++) {
                y[yRow + k] /= sum;
            }
        }
    }

    /// y = e^(x - subtrahend)
    void expOfDifference(int length, float[] x, int xAt, float subtrahend, float[] y, int yAt);
}
