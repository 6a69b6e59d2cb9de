package io.tidegrad.scorerapp;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/// The datatypes of the Open Inference Protocol, with the protocol's names.
enum TensorType {
    BOOL(1), UINT8(1), UINT16(2), UINT32(4), UINT64(8), INT8(1), INT16(2), INT32(4), INT64(8), FP16(2), FP32(4),
    FP64(8),
    /// Strings of any length.
    BYTES(0);

    private static final Map<String, TensorType> BY_NAME =
            Arrays.stream(values()).collect(Collectors.toUnmodifiableMap(Enum::name, Function.identity()));

    private final int bytes;

    TensorType(int bytes) {
        this.bytes = bytes;
    }

    /// @param tensor name of the tensor, for the message
    /// @throws HttpProblem `bad-tensor` for a name that the protocol does not know
    static TensorType of(String tensor, String name) {
        TensorType type = BY_NAME.get(name);
        if (type != null) {
            return type;
        }
        throw Tensor.problem(tensor,
                "datatype: expected one of " + Arrays.stream(values()).map(Enum::name).collect(Collectors.joining(", "))
                        + ", found '" + StrictJson.printable(name) + "'");
    }

    /// Returns the bytes of one element; 0 for `BYTES`.
    int bytes() {
        return bytes;
    }

    /// Returns whether a value of this type can be this whole number.
    boolean holds(long whole) {
        return whole >= min() && whole <= max();
    }

    /// Describes a value of this type for messages.
    String described() {
        return switch (this) {
            case BOOL -> "BOOL, true or false";
            case BYTES -> "BYTES, a string";
            case FP16, FP32, FP64 -> name() + ", a number";
            case UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64 -> name() + ", a whole number from " + min()
                    + " to " + (this == UINT64 ? Long.toUnsignedString(-1) : max());
        };
    }

    /// Returns a `UINT64` from its bits. Beyond a long it is a double, like JSON's numbers.
    static Number unsigned(long bits) {
        if (bits >= 0) {
            return bits;
        }
        return new BigInteger(Long.toUnsignedString(bits)).doubleValue();
    }

    private boolean isSigned() {
        return this == INT8 || this == INT16 || this == INT32 || this == INT64;
    }

    /// Returns the smallest whole number of this type.
    private long min() {
        return isSigned() ? Long.MIN_VALUE >> (Long.SIZE - 8 * bytes) : 0;
    }

    /// Returns the largest whole number of this type; for `UINT64` the largest long.
    private long max() {
        return isSigned() || bytes == Long.BYTES ? Long.MAX_VALUE >> (Long.SIZE - 8 * bytes)
                : -1L >>> (Long.SIZE - 8 * bytes);
    }
}
