package io.tidegrad.engine.kernel;

/// Dropout with masks from a hash of key and index, so that draws don't depend on the order of calls.
interface DropoutKernels {
    /// y = x · factor, or x · 0 with probability `limit` / 2^24: the draw for number (r, c) is
    /// `ScalarDropoutKernels.drawn` of `key` and index `from + r rowStep + c columnStep`. In place allowed.
    void dropout(int rows, int width, long key, int from, int rowStep, int columnStep, int limit, float factor,
            float[] x, int xAt, int xStride, float[] y, int yAt, int yStride);
}
