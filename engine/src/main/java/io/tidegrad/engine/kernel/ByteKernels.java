package io.tidegrad.engine.kernel;

/// Conversion of bytes to floats.
interface ByteKernels {
    /// y = b / divisor, for unsigned bytes b.
    void unsignedBytes(int length, byte[] bytes, int from, float divisor, float[] y, int yAt);
}
