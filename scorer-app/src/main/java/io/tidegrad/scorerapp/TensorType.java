package io.tidegrad.scorerapp;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Datatypes of the Open Inference Protocol, by the names that it gives them.
enum TensorType {
    BOOL(1),
    UINT8(1),
    UINT16(2),
    UINT32(4),
    UINT64(8),
    INT8(1),
    INT16(2),
    INT32(4),
    INT64(8),
    FP16(2),
    FP32(4),
    FP64(8),
    /// Strings, each as long as it is.
    BYTES(0);

    private final int bytes;

    TensorType(int bytes) {
        this.bytes = bytes;
    }

    /// Null for a name that the protocol does not know.
    static @Nullable TensorType named(String name) {
        for (TensorType type : values()) {
            if (type.name().equals(name)) {
                return type;
            }
        }
        return null;
    }

    static String names() {
        return Arrays.stream(values()).map(Enum::name).collect(Collectors.joining(", "));
    }

    /// Of one element; 0 for `BYTES`.
    int bytes() {
        return bytes;
    }

    boolean isWhole() {
        return switch (this) {
            case UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64 -> true;
            case BOOL, FP16, FP32, FP64, BYTES -> false;
        };
    }

    private boolean isSigned() {
        return this == INT8 || this == INT16 || this == INT32 || this == INT64;
    }

    /// The smallest whole number of this type.
    long min() {
        return isSigned() ? Long.MIN_VALUE >> (Long.SIZE - 8 * bytes) : 0;
    }

    /// The largest one, of `UINT64` the largest that a long holds.
    long max() {
        return isSigned() || bytes == Long.BYTES
                ? Long.MAX_VALUE >> (Long.SIZE - 8 * bytes)
                : -1L >>> (Long.SIZE - 8 * bytes);
    }
}
