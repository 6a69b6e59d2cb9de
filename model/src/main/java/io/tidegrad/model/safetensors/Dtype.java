package io.tidegrad.model.safetensors;

import java.nio.ByteBuffer;

/// The format's types of numbers, in the format's own order.
public enum Dtype {
    BOOL(1), U8(1), I8(1), F8_E5M2(1), F8_E4M3(1), I16(2), U16(2), F16(2), BF16(2), I32(4), U32(4), F32(4), F64(8),
    I64(8), U64(8);

    private final int bytes;

    Dtype(int bytes) {
        this.bytes = bytes;
    }

    public int bytes() {
        return bytes;
    }

    /// Whether every value of this type is exactly a float.
    public boolean isFloat() {
        return this == F16 || this == BF16 || this == F32;
    }

    /// Reads the next value as a double, for floating-point types, from little-endian bytes.
    double next(ByteBuffer from) {
        return switch (this) {
            case F16 -> Float.float16ToFloat(from.getShort());
            case BF16 -> Float.intBitsToFloat(from.getShort() << 16);
            case F32 -> from.getFloat();
            case F64 -> from.getDouble();
            case BOOL, U8, I8, F8_E5M2, F8_E4M3, I16, U16, I32, U32, I64, U64 ->
                throw new IllegalArgumentException(this + " is not read");
        };
    }
}
