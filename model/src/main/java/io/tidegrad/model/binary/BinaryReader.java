package io.tidegrad.model.binary;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.function.Function;

/// Reads records of `BinaryWriter` from untrusted bytes: checks magic, format and checksum first, and every length
/// before it allocates anything. Messages say what was expected and what was found.
public final class BinaryReader {
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int FRAME_BYTES = 12; // magic, format, checksum

    private final byte[] bytes;
    private final String what;
    private final Function<String, ? extends RuntimeException> failure;
    private final int format;
    private final int end;
    private int at;

    /// @param what the record's name in messages, such as "snapshot manifest"
    /// @param failure creates the exception to throw from a message
    public BinaryReader(byte[] bytes, String what, String magic, int format,
            Function<String, ? extends RuntimeException> failure, byte... context) {
        this(bytes, what, magic, format, format, failure, context);
    }

    /// @param oldest format that is read
    /// @param newest format that is read
    public BinaryReader(byte[] bytes, String what, String magic, int oldest, int newest,
            Function<String, ? extends RuntimeException> failure, byte... context) {
        this.bytes = bytes;
        this.what = what;
        this.failure = failure;
        if (bytes.length < FRAME_BYTES) {
            throw fail("expected at least " + FRAME_BYTES + " bytes, found " + bytes.length);
        }
        if (!Arrays.equals(bytes, 0, 4, BinaryWriter.magic(magic), 0, 4)) {
            throw fail("expected to begin with " + HexFormat.of().formatHex(BinaryWriter.magic(magic)) + " (" + magic
                    + "), found " + HexFormat.of().formatHex(bytes, 0, 4));
        }
        format = (int) INT.get(bytes, 4);
        if (format < oldest || format > newest) {
            throw fail("expected format " + (oldest == newest ? newest : oldest + " to " + newest) + ", found " + format
                    + (format > newest ? "; a newer build can read it" : ""));
        }
        end = bytes.length - 4;
        int stated = (int) INT.get(bytes, end);
        int computed = BinaryWriter.checksum(context, bytes, end);
        if (stated != computed) {
            throw fail("damaged or misplaced: its checksum says " + HexFormat.of().toHexDigits(stated)
                    + ", its bytes and place give " + HexFormat.of().toHexDigits(computed));
        }
        at = 8;
    }

    private BinaryReader(byte[] bytes, int at, int length, String what,
            Function<String, ? extends RuntimeException> failure) {
        this.bytes = bytes;
        this.what = what;
        this.failure = failure;
        this.at = at;
        format = 0;
        end = Math.addExact(at, length);
    }

    /// Returns a reader of content without magic, format and checksum: `length` bytes of `bytes`, starting at `at`.
    public static BinaryReader bare(byte[] bytes, int at, int length, String what,
            Function<String, ? extends RuntimeException> failure) {
        return new BinaryReader(bytes, at, length, what, failure);
    }

    /// The format number in the record.
    public int format() {
        return format;
    }

    public RuntimeException fail(String message) {
        return failure.apply(what + ": " + message);
    }

    public int remaining() {
        return end - at;
    }

    private int take(long count) {
        if (count < 0 || count > remaining()) {
            throw fail("expected " + count + " more bytes at " + at + ", found " + remaining());
        }
        int from = at;
        at += (int) count;
        return from;
    }

    public int int8() {
        return bytes[take(1)] & 0xff;
    }

    public int int32() {
        return (int) INT.get(bytes, take(4));
    }

    public long int64() {
        return (long) LONG.get(bytes, take(8));
    }

    public double float64() {
        return Double.longBitsToDouble(int64());
    }

    /// Reads an int from 0 to `max`.
    public int count(String name, long max) {
        int count = int32();
        if (count < 0 || count > max) {
            throw fail("expected a " + name + " from 0 to " + max + ", found " + count);
        }
        return count;
    }

    /// Reads an int that must equal `expected`.
    public void expect(String name, int expected) {
        int found = int32();
        if (found != expected) {
            throw fail("expected " + name + " " + expected + ", found " + found);
        }
    }

    public long varint() {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            int next = int8();
            value |= (long) (next & 0x7f) << shift;
            if ((next & 0x80) == 0) {
                return value;
            }
        }
        throw fail("a number at " + (at - 10) + " has no end");
    }

    /// Reads what `BinaryWriter.signed` wrote.
    public long signed() {
        long value = varint();
        return value >>> 1 ^ -(value & 1);
    }

    public void floats(float[] to, int from, int count) {
        int source = take(4L * count);
        for (int i = 0; i < count; i++) {
            to[from + i] = Float.intBitsToFloat((int) INT.get(bytes, source + 4 * i));
        }
    }

    public void ints(int[] to, int from, int count) {
        int source = take(4L * count);
        for (int i = 0; i < count; i++) {
            to[from + i] = (int) INT.get(bytes, source + 4 * i);
        }
    }

    public float[] newFloats(int count) {
        checkRoom(count);
        float[] values = new float[count];
        floats(values, 0, count);
        return values;
    }

    public int[] newInts(int count) {
        checkRoom(count);
        int[] values = new int[count];
        ints(values, 0, count);
        return values;
    }

    private void checkRoom(int count) {
        if (4L * count > remaining()) {
            throw fail("expected " + 4L * count + " more bytes at " + at + ", found " + remaining());
        }
    }

    public byte[] raw(int count) {
        int from = take(count);
        return Arrays.copyOfRange(bytes, from, from + count);
    }

    /// Skips `count` bytes and returns their index in the array.
    public int skip(int count) {
        return take(count);
    }

    public String text(String name, int maxBytes) {
        int length = count(name + " length", maxBytes);
        try {
            return utf8(bytes, take(length), length);
        } catch (CharacterCodingException notUtf8) {
            throw fail("the " + name + " is not UTF-8");
        }
    }

    /// Decodes UTF-8. In place of what is none Java puts U+FFFD, so that only a text with this character needs a decoder,
    /// which takes several times the room of a short text.
    ///
    /// @throws CharacterCodingException it is not UTF-8
    public static String utf8(byte[] bytes, int from, int length) throws CharacterCodingException {
        String text = new String(bytes, from, length, StandardCharsets.UTF_8);
        return text.indexOf('\uFFFD') < 0 ? text
                : StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, from, length)).toString();
    }

    /// Requires that the content ends here.
    public void end() {
        if (remaining() != 0) {
            throw fail("expected the end at " + at + ", found " + remaining() + " more bytes");
        }
    }
}
