package io.tidegrad.schemas;

import io.tidegrad.schemas.UndecodableException.Reason;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.avro.io.Decoder;
import org.apache.avro.util.Utf8;

/// Avro binary from a byte array, for input one does not trust. Avro's own decoder allocates what a length says before
/// it looks whether that much is there: six bytes can ask for two gigabytes. This one checks every length against what
/// is left, counts the items of all arrays and maps, and says where it stopped.
///
/// It also keeps the value's budget: everything that is made of a value is charged in bytes before it is made, and what
/// would take more than [#budget(int)] is refused. Every value is charged, a null with the place where it is kept, so
/// the budget bounds the work as well as the memory.
///
/// Layout: Avro specification 1.12, "Binary encoding".
final class BoundedDecoder extends Decoder {
    /// Bytes of memory that a value may become for each of its own: an empty string takes 1 byte in an event and 56 as
    /// an object, a record of one boolean 1 and 56. Real events take less than 20.
    static final int MEMORY_PER_BYTE = 64;

    /// What any value may become, however short it is: a schema has structure that takes no bytes (records, nulls).
    /// Enough for 20,000 records without a field, and little enough that a stream of such values takes no memory from
    /// others.
    static final int MEMORY_OF_ANY = 1 << 20;

    /// Where a value is kept: a place in the array of a record or list.
    static final int PLACE_BYTES = 8;

    // An array that grows by half at a time has by then been allocated three times over.
    private static final int LATER_PLACE_BYTES = 24;
    private static final int ENTRY_BYTES = 56; // of a map: the entry, its places in tables that grow

    static final int STRING_BYTES = 56; // the object, and the header of its array
    static final int BUFFER_BYTES = 56;
    static final int FIXED_BYTES = 48;

    static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    static final long HIGH_BITS = 0x8080808080808080L;

    private byte[] bytes = new byte[0];
    private int position;
    private int end;
    private long items; // of all arrays and maps so far
    private long left; // of the budget
    private ByteBuffer whole = ByteBuffer.wrap(bytes); // of `bytes`, once a view is asked for

    /// Starts over on `bytes` from `from` to the end.
    void reset(byte[] bytes, int from) {
        this.bytes = bytes;
        this.position = from;
        this.end = bytes.length;
        this.items = 0;
        this.left = budget(bytes.length);
    }

    /// Bytes of memory that a value of so many bytes may become.
    static long budget(int length) {
        return MEMORY_OF_ANY + (long) MEMORY_PER_BYTE * length;
    }

    /// Takes from the budget what is about to be made.
    ///
    /// @throws UndecodableException it is not left
    void charge(long memory) {
        left -= memory;
        if (left < 0) {
            throw new UndecodableException(Reason.TOO_LARGE,
                    "byte " + position + ": a value of " + bytes.length + " bytes may take " + budget(bytes.length)
                            + " bytes of memory (" + MEMORY_OF_ANY + " and " + MEMORY_PER_BYTE
                            + " for each of its own), this one takes more: its schema nests too much");
        }
    }

    int position() {
        return position;
    }

    byte[] array() {
        return bytes;
    }

    /// Goes to a place where it was before, or past what was looked at in the array.
    void position(int to) {
        position = to;
    }

    /// The budget that is left, and the items that were counted: with `charged` again, what is read meanwhile is free.
    long left() {
        return left;
    }

    long items() {
        return items;
    }

    void charged(long left, long items) {
        this.left = left;
        this.items = items;
    }

    @Override
    public int remainingBytes() {
        return end - position;
    }

    private void require(long count, String what) {
        if (count > end - position) {
            throw new UndecodableException(Reason.TRUNCATED, "byte " + position + ": expected " + what + " of " + count
                    + " bytes, found the end after " + (end - position));
        }
    }

    UndecodableException malformed(String what) {
        return new UndecodableException(Reason.MALFORMED, "byte " + position + ": " + what);
    }

    /// Takes no bytes, and is charged all the same: Avro's resolving reader skips as many as a schema asks for.
    @Override
    public void readNull() {
        charge(PLACE_BYTES);
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
        int at = position;
        if (at + Long.BYTES > end) {
            return readLongNearTheEnd();
        }
        byte first = bytes[at];
        if (first >= 0) { // one byte, as most are
            position = at + 1;
            return first >>> 1 ^ -(first & 1);
        }
        long eight = (long) LONG.get(bytes, at);
        long ends = ~eight & HIGH_BITS; // of the bytes that end a number
        if (ends == 0) {
            return readLongNearTheEnd(); // nine or ten bytes
        }
        position = at + (Long.numberOfTrailingZeros(ends) >>> 3) + 1;
        long zigzag = sevenOfEight(eight & (ends ^ ends - 1));
        return zigzag >>> 1 ^ -(zigzag & 1);
    }

    /// The lower seven bits of each byte, side by side.
    static long sevenOfEight(long bytes) {
        long pairs = bytes & 0x007f007f007f007fL | (bytes & 0x7f007f007f007f00L) >>> 1;
        long fours = pairs & 0x00003fff00003fffL | (pairs & 0x3fff00003fff0000L) >>> 2;
        return fours & 0x000000000fffffffL | (fours & 0x0fffffff00000000L) >>> 4;
    }

    private long readLongNearTheEnd() {
        long zigzag = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (position == end) {
                throw new UndecodableException(Reason.TRUNCATED,
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
        require(Float.BYTES, "a float");
        int bits = (int) INT.get(bytes, position);
        position += Float.BYTES;
        return Float.intBitsToFloat(bits);
    }

    @Override
    public double readDouble() {
        require(Double.BYTES, "a double");
        long bits = (long) LONG.get(bytes, position);
        position += Double.BYTES;
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
        return readUtf8();
    }

    Utf8 readUtf8() {
        int length = length("a string");
        charge(STRING_BYTES + length);
        Utf8 result = new Utf8();
        result.setByteLength(length);
        System.arraycopy(bytes, position, result.getBytes(), 0, length);
        position += length;
        return result;
    }

    @Override
    public String readString() {
        int length = length("a string");
        charge(STRING_BYTES + 3L * length); // two bytes a character, and a copy on the way
        String result = new String(bytes, position, length, StandardCharsets.UTF_8);
        position += length;
        return result;
    }

    @Override
    public void skipString() {
        int length = length("a string"); // moves the position itself
        position += length;
    }

    /// The length of a string that is not made into an object, and charged as if it were, so that a value is taken or
    /// refused whoever reads it. It begins at `position()`.
    ///
    /// @param javaString whether it would be Java's own
    int readTextLength(boolean javaString) {
        int length = length("a string");
        charge(STRING_BYTES + (javaString ? 3L : 1L) * length);
        return length;
    }

    /// The length of bytes that are neither copied nor charged. They begin at `position()`.
    int readBytesLength() {
        return length("bytes");
    }

    /// A copy: where Avro reads bytes as a string, it takes the whole array behind the buffer.
    @Override
    public ByteBuffer readBytes(ByteBuffer old) {
        int length = length("bytes");
        charge(BUFFER_BYTES + STRING_BYTES + length);
        byte[] copy = Arrays.copyOfRange(bytes, position, position + length);
        position += length;
        return ByteBuffer.wrap(copy);
    }

    /// Bytes as a view: the value's array is nobody's but the record's.
    ByteBuffer readView() {
        int length = length("bytes");
        charge(BUFFER_BYTES);
        if (whole.array() != bytes) {
            whole = ByteBuffer.wrap(bytes);
        }
        ByteBuffer result = whole.slice(position, length);
        position += length;
        return result;
    }

    /// A fixed of its schema's size, which may be any: looked for before room is made.
    byte[] readFixed(int length) {
        require(length, "a fixed");
        charge(FIXED_BYTES + length);
        byte[] result = Arrays.copyOfRange(bytes, position, position + length);
        position += length;
        return result;
    }

    /// A fixed that is not made into an object, and charged as if it were, begins at `position()`. Its size is its
    /// schema's, which may be any: it is looked for first.
    void requireFixed(int length) {
        require(length, "a fixed");
        charge(FIXED_BYTES + length);
    }

    @Override
    public void skipBytes() {
        int length = length("bytes");
        position += length;
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
    private long block(int bytesEach) {
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
            throw malformed("a block of " + count + " items in a value of " + bytes.length + " bytes");
        }
        charge(count * bytesEach);
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
        return block(PLACE_BYTES);
    }

    @Override
    public long arrayNext() {
        return block(LATER_PLACE_BYTES);
    }

    @Override
    public long skipArray() {
        return skipBlocks();
    }

    @Override
    public long readMapStart() {
        return block(ENTRY_BYTES);
    }

    @Override
    public long mapNext() {
        return block(ENTRY_BYTES);
    }

    @Override
    public long skipMap() {
        return skipBlocks();
    }
}
