package io.tidegrad.model.binary;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32C;

/// Writes one record, little-endian: magic (4), format number (4), content, and CRC32C (4) over the context and
/// everything before. The context says where the record belongs and is not stored.
public final class BinaryWriter {
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes;
    private int length;

    /// @param magic four ASCII letters, which a hex dump shows in order
    public BinaryWriter(String magic, int format, int capacity) {
        bytes = new byte[Math.max(16, capacity)];
        raw(magic(magic));
        int32(format);
    }

    /// A writer of content without magic, format and checksum.
    public BinaryWriter() {
        bytes = new byte[256];
    }

    static byte[] magic(String magic) {
        byte[] letters = magic.getBytes(StandardCharsets.US_ASCII);
        if (letters.length != 4) {
            throw new IllegalArgumentException("a magic has 4 letters, found '" + magic + "'");
        }
        return letters;
    }

    public BinaryWriter int8(int value) {
        ensure(1);
        bytes[length++] = (byte) value;
        return this;
    }

    public BinaryWriter int32(int value) {
        ensure(4);
        INT.set(bytes, length, value);
        length += 4;
        return this;
    }

    public BinaryWriter int64(long value) {
        ensure(8);
        LONG.set(bytes, length, value);
        length += 8;
        return this;
    }

    public BinaryWriter float64(double value) {
        return int64(Double.doubleToRawLongBits(value));
    }

    public BinaryWriter floats(float[] values, int from, int count) {
        ensure(4 * count);
        for (int i = from; i < from + count; i++) {
            INT.set(bytes, length, Float.floatToRawIntBits(values[i]));
            length += 4;
        }
        return this;
    }

    public BinaryWriter ints(int[] values, int from, int count) {
        ensure(4 * count);
        for (int i = from; i < from + count; i++) {
            INT.set(bytes, length, values[i]);
            length += 4;
        }
        return this;
    }

    /// Writes seven bits per byte, lowest first, so that small numbers take one byte.
    public BinaryWriter varint(long value) {
        ensure(10);
        long rest = value;
        while ((rest & ~0x7fL) != 0) {
            bytes[length++] = (byte) (rest | 0x80);
            rest >>>= 7;
        }
        bytes[length++] = (byte) rest;
        return this;
    }

    public BinaryWriter raw(byte[] value) {
        ensure(value.length);
        System.arraycopy(value, 0, bytes, length, value.length);
        length += value.length;
        return this;
    }

    /// Writes length (4), then the bytes.
    public BinaryWriter block(byte[] value) {
        return int32(value.length).raw(value);
    }

    /// Writes length (4), then UTF-8.
    public BinaryWriter text(String value) {
        return block(value.getBytes(StandardCharsets.UTF_8));
    }

    /// Reserves `count` bytes, which the caller writes to `array()` at the returned index.
    public int reserve(int count) {
        ensure(count);
        int at = length;
        length += count;
        return at;
    }

    /// The backing array, valid until the next write.
    public byte[] array() {
        return bytes;
    }

    private void ensure(int more) {
        if (bytes.length - length < more) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, Math.addExact(length, more)));
        }
    }

    /// The content without a checksum.
    public byte[] toBytes() {
        return Arrays.copyOf(bytes, length);
    }

    /// The record with the checksum at its end.
    public byte[] seal(byte... context) {
        int32(checksum(context, bytes, length));
        return toBytes();
    }

    static int checksum(byte[] context, byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(context);
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }
}
