package io.tidegrad.model.binary;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// Writes one record, little-endian: magic (4), format number (4), content, and CRC32C (4) over the context and
/// everything before. The context says where the record belongs and is not stored.
public final class BinaryWriter {
    private static final int FIRST_BYTES = 256;

    /// A buffer that was needed once for much more is not kept for what comes after it.
    private static final int KEPT_BYTES_MAX = 64 * 1024;

    private ByteBuffer to;

    /// @param magic four ASCII letters, which a hex dump shows in order
    public BinaryWriter(String magic, int format, int capacity) {
        to = littleEndian(new byte[Math.max(16, capacity)]);
        raw(magic(magic)).int32(format);
    }

    /// A writer of content without magic, format and checksum.
    public BinaryWriter() {
        to = littleEndian(new byte[FIRST_BYTES]);
    }

    /// Forgets what was written, and keeps the room for what comes next.
    public BinaryWriter clear() {
        to = to.capacity() <= KEPT_BYTES_MAX ? to.clear() : littleEndian(new byte[FIRST_BYTES]);
        return this;
    }

    private static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    static byte[] magic(String magic) {
        byte[] letters = magic.getBytes(StandardCharsets.US_ASCII);
        if (letters.length != 4) {
            throw new IllegalArgumentException("a magic has 4 letters, found '" + magic + "'");
        }
        return letters;
    }

    public BinaryWriter int8(int value) {
        room(1).put((byte) value);
        return this;
    }

    public BinaryWriter int32(int value) {
        room(4).putInt(value);
        return this;
    }

    public BinaryWriter int64(long value) {
        room(8).putLong(value);
        return this;
    }

    public BinaryWriter float64(double value) {
        return int64(Double.doubleToRawLongBits(value));
    }

    public BinaryWriter floats(float[] values, int from, int count) {
        room(4 * count).asFloatBuffer().put(values, from, count);
        to.position(to.position() + 4 * count);
        return this;
    }

    public BinaryWriter ints(int[] values, int from, int count) {
        room(4 * count).asIntBuffer().put(values, from, count);
        to.position(to.position() + 4 * count);
        return this;
    }

    /// Writes seven bits per byte, lowest first, so that small numbers take one byte.
    public BinaryWriter varint(long value) {
        long rest = value;
        for (; (rest & ~0x7fL) != 0; rest >>>= 7) {
            int8((int) (rest | 0x80));
        }
        return int8((int) rest);
    }

    /// Writes what may be negative as a `varint`, zigzagged: a small number of either sign takes one byte.
    public BinaryWriter signed(long value) {
        return varint(value << 1 ^ value >> 63);
    }

    /// Writes the length as a `varint`, then the bytes.
    public BinaryWriter sized(byte[] value) {
        return varint(value.length).raw(value);
    }

    /// Likewise; nothing for null, which the reader has to know.
    public BinaryWriter sizedOrNothing(byte @Nullable [] value) {
        return value == null ? this : sized(value);
    }

    public BinaryWriter raw(byte[] value) {
        room(value.length).put(value);
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
        int at = room(count).position();
        to.position(at + count);
        return at;
    }

    /// The backing array, valid until the next write.
    public byte[] array() {
        return to.array();
    }

    /// The buffer, with room for so many more bytes.
    private ByteBuffer room(int more) {
        if (to.remaining() < more) {
            int length = Math.max(2 * to.capacity(), Math.addExact(to.position(), more));
            to = littleEndian(Arrays.copyOf(to.array(), length)).position(to.position());
        }
        return to;
    }

    /// The content without a checksum.
    public byte[] toBytes() {
        return Arrays.copyOf(to.array(), to.position());
    }

    /// The record with the checksum at its end.
    public byte[] seal(byte... context) {
        return int32(checksum(context, to.array(), to.position())).toBytes();
    }

    static int checksum(byte[] context, byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(context);
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }
}
