package io.tidegrad.engine.kernel;

/// Bytes that become numbers.
interface ByteKernels {
    /// y = b / divisor, the bytes of pixels unsigned.
    void unsignedBytes(int length, byte[] bytes, int from, float divisor, float[] y, int yAt);
}
