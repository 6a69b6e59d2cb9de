package io.tidegrad.schemas;

import io.tidegrad.schemas.UndecodableException.Reason;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.avro.io.Decoder;
import org.apache.avro.util.Utf8;

/// Avro binary from a byte array, for input one does not trust. Avro's own decoder allocates what a length says before it
/// looks whether that much is there: six bytes can ask for two gigabytes. This one checks every length against what is
/// left, counts the items of all arrays and maps, and says where it stopped.
///
/// Layout: Avro specification 1.12, "Binary encoding".
final class BoundedDecoder extends Decoder {
    private byte[] bytes = new byte[0];
    private int position;
    private int end;
    private long items; // of all arrays and maps so far

    /// Starts over on `bytes` from `from` to the end.
    void reset(byte[] bytes, int from) {
        this.bytes = bytes;
        this.position = from;
        this.end = bytes.length;
        this.items = 0;
    }

    int position() {
        return position;
    }

    @Override
    public int remainingBytes() {
        return end - position;
    }

    private void require(long count, String what) {
        if (count > end - position) {
            throw new UndecodableException(
                    Reason.TRUNCATED,
                    "byte "
                            + position
                            + ": expected "
                            + what
                            + " of "
                            + count
                            + " bytes, found the end after "
                            + (end - position));
        }
    }

    private UndecodableException malformed(String what) {
        return new UndecodableException(Reason.MALFORMED, "byte " + position + ": " + what);
    }

    @Override
    public void readNull() {
        // null takes no bytes.
    }

    @Override
    public boolean readBoolean() {
        require(1, "a boolean");
        byte value = bytes[position++];
        if (value != 0 && value != 1) {
            throw malformed("expected a boolean of 0 or 1, found " + value);
        }
        return value == 1;
    }

    @Override
    public int readInt() {
        long value = readLong();
        if (value != (int) value) {
            throw malformed("expected an int, found " + value);
        }
        return (int) value;
    }

    @Override
    public long readLong() {
        long zigzag = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (position == end) {
                throw new UndecodableException(
                        Reason.TRUNCATED,
                        "byte " + position + ": expected a number, found the end");
            }
            byte next = bytes[position++];
            zigzag |= (next & 0x7fL) << shift;
            if (next >= 0) {
                return (zigzag >>> 1) ^ -(zigzag & 1);
            }
        }
        throw malformed("a number longer than 10 bytes");
    }

    @Override
    public float readFloat() {
        require(4, "a float");
        int bits =
                (bytes[position] & 0xff)
                        | (bytes[position + 1] & 0xff) << 8
                        | (bytes[position + 2] & 0xff) << 16
                        | (bytes[position + 3] & 0xff) << 24;
        position += 4;
        return Float.intBitsToFloat(bits);
    }

    @Override
    public double readDouble() {
        require(8, "a double");
        long bits = 0;
        for (int i = 7; i >= 0; i--) {
            bits = bits << 8 | (bytes[position + i] & 0xff);
        }
        position += 8;
        return Double.longBitsToDouble(bits);
    }

    // A length that the rest of the value holds.
    private int length(String what) {
        long length = readLong();
        if (length < 0) {
            throw malformed("expected the length of " + what + ", found " + length);
        }
        require(length, what);
        return (int) length;
    }

    @Override
    public Utf8 readString(Utf8 old) {
        int length = length("a string");
        Utf8 result = old == null ? new Utf8() : old;
        result.setByteLength(length);
        System.arraycopy(bytes, position, result.getBytes(), 0, length);
        position += length;
        return result;
    }

    @Override
    public String readString() {
        int length = length("a string");
        String result = new String(bytes, position, length, StandardCharsets.UTF_8);
        position += length;
        return result;
    }

    @Override
    public void skipString() {
        position += length("a string");
    }

    /// A view: the value's array is nobody's but the record's.
    @Override
    public ByteBuffer readBytes(ByteBuffer old) {
        int length = length("bytes");
        ByteBuffer result = ByteBuffer.wrap(bytes, position, length).slice();
        position += length;
        return result;
    }

    @Override
    public void skipBytes() {
        position += length("bytes");
    }

    @Override
    public void readFixed(byte[] into, int start, int length) {
        require(length, "a fixed");
        System.arraycopy(bytes, position, into, start, length);
        position += length;
    }

    @Override
    public void skipFixed(int length) {
        require(length, "a fixed");
        position += length;
    }

    @Override
    public int readEnum() {
        return readInt();
    }

    @Override
    public int readIndex() {
        return readInt();
    }

    // Number of items in the block that begins here. An item takes a byte or more, except where its
    // type takes none
    // (null, an empty record): such items would let a few bytes ask for a loop without end, so all
    // of a value's items
    // together may not be more than its bytes.
    private long block() {
        long count = readLong();
        if (count < 0) {
            long size = readLong();
            if (count == Long.MIN_VALUE || size < 0) {
                throw malformed("a block of impossible size");
            }
            require(size, "a block");
            count = -count;
        }
        items += count;
        if (items > bytes.length || items < 0) {
            throw malformed(
                    "a block of " + count + " items in a value of " + bytes.length + " bytes");
        }
        return count;
    }

    // Skips blocks that say how many bytes they take; returns the items of the first one that does
    // not.
    private long skipBlocks() {
        while (true) {
            long count = readLong();
            if (count >= 0) {
                items += count;
                if (items > bytes.length || items < 0) {
                    throw malformed("a block of " + count + " items");
                }
                return count;
            }
            long size = readLong();
            if (size < 0) {
                throw malformed("a block of " + size + " bytes");
            }
            require(size, "a block");
            position += (int) size;
        }
    }

    @Override
    public long readArrayStart() {
        return block();
    }

    @Override
    public long arrayNext() {
        return block();
    }

    @Override
    public long skipArray() {
        return skipBlocks();
    }

    @Override
    public long readMapStart() {
        return block();
    }

    @Override
    public long mapNext() {
        return block();
    }

    @Override
    public long skipMap() {
        return skipBlocks();
    }
}
