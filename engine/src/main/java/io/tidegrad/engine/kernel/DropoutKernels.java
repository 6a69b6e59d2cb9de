package io.tidegrad.engine.kernel;

/// Dropout by a hash of key and index: any order of calls draws the same.
interface DropoutKernels {
    /// y = x · factor, or x · 0 with probability `limit` / 2^24: number (r, c) is drawn from `key` and its index
    /// `from + r rowStep + c columnStep`, as `ScalarDropoutKernels.drawn` says. In place allowed.
    void dropout(int rows, int width, long key, int from, int rowStep, int columnStep, int limit, float factor,
            float[] x, int xAt, int xStride, float[] y, int yAt, int yStride);
}
