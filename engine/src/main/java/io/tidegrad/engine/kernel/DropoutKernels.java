package io.tidegrad.engine.kernel;

/// Dropout with masks from a hash of key and index, so that draws don't depend on the order of calls.
interface DropoutKernels {
    int MIX_0 = 0x7feb352d;
    int MIX_1 = 0x846ca68b;

    /// y = x · factor, or x · 0 with probability `limit` / 2^24: the draw for number (r, c) is
    /// `DropoutKernels.drawn` of `key` and index `from + r rowStep + c columnStep`. In place allowed.
    default void dropout(int rows, int width, long key, int from, int rowStep, int columnStep, int limit, float factor,
            float[] x, int xAt, int xStride, float[] y, int yAt, int yStride) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < width; c++) {
                int index = from + r * rowStep + c * columnStep;
                float kept = drawn(key, index) >= limit ? factor : 0f;
                y[yAt + r * yStride + c] = x[xAt + r * xStride + c] * kept;
            }
        }
    }

    /// 24 random bits for an index and a key: the hash `lowbias32` (Wellons 2018) with the key's low word before its
    /// first multiplication and the high word after it. Philox, which draws the key, would be slower: ten rounds of two
    /// 64-bit products.
    static int drawn(long key, int index) {
        int h = index ^ (int) key;
        h ^= h >>> 16;
        h = h * MIX_0 ^ (int) (key >>> 32);
        h ^= h >>> 15;
        h *= MIX_1;
        h ^= h >>> 16;
        return h >>> 8;
    }
}
