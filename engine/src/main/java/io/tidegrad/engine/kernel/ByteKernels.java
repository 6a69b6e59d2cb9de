package io.tidegrad.engine.kernel;

/// Conversion of bytes to floats.
interface ByteKernels {
    /// y = b / divisor, for unsigned bytes b.
    default void unsignedBytes(int length, byte[] bytes, int from, float divisor, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = (bytes[from + k] & 0xff) / divisor;
        }
    }
}
