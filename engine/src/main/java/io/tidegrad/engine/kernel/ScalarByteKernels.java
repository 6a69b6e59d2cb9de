package io.tidegrad.engine.kernel;

/// The definition of `ByteKernels`.
interface ScalarByteKernels extends ByteKernels {
    @Override
    default void unsignedBytes(int length, byte[] bytes, int from, float divisor, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = (bytes[from + k] & 0xff) / divisor;
        }
    }
}
