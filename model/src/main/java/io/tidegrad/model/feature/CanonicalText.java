package io.tidegrad.model.feature;

import io.tidegrad.engine.random.Murmur3;
import io.tidegrad.model.binary.BinaryReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.util.Utf8;

/// Builds the bytes that a category's hash is computed from, in a reused buffer. A trained model depends on these
/// rules, so changing them requires a new name of the hash in the feature fingerprint:
///
/// - a value is `field=value`, a null is `field` alone; all text is UTF-8 and unchanged (no case folding, no Unicode
///   normalisation; an unpaired surrogate is `?`);
/// - whole numbers are written in decimal, whatever their type (3, 3L, 3.0 are `3`; -0.0 is `0`); other numbers in
///   Java's shortest form for their type (`0.1`, `1.0E-5`), so that a float 0.1 and a JSON 0.1 are the same;
/// - bytes are those bytes;
/// - true and false are `true` and `false`; times are epoch milliseconds, and a part of a time in a cross is its
///   number;
/// - the parts of a cross are separated by the byte 0xFF, which no UTF-8 text contains, so that different combinations
///   have different texts.
///
/// The bucket is the unsigned MurmurHash3 x86 32 (seed 0) modulo the number of buckets.
final class CanonicalText {
    private static final byte CROSS_SEPARATOR = (byte) 0xff;

    /// 2^63: a double of at least this does not fit a long.
    private static final double LONG_LIMIT = 0x1p63;

    private byte[] bytes;
    private int length;

    CanonicalText() {
        this(256);
    }

    /// @param capacity bytes for which there is room at first
    CanonicalText(int capacity) {
        bytes = new byte[capacity];
    }

    CanonicalText clear() {
        length = 0;
        return this;
    }

    void separate() {
        ensure(1);
        bytes[length++] = CROSS_SEPARATOR;
    }

    void append(byte[] text) {
        append(text, 0, text.length);
    }

    void append(CanonicalText text, int from, int count) {
        append(text.bytes, from, count);
    }

    private void append(byte[] text, int from, int count) {
        ensure(count);
        System.arraycopy(text, from, bytes, length, count);
        length += count;
    }

    /// @param field the field's name, for messages
    void appendValue(String field, Object value) throws RejectedException {
        switch (value) {
            case TextView text -> append(text.bytes(), text.from(), text.byteLength());
            case Utf8 text -> append(text.getBytes(), 0, text.getByteLength());
            case CharSequence text -> appendText(text);
            case Boolean flag -> appendText(flag ? "true" : "false");
            case Long number -> appendLong(number);
            case Integer number -> appendLong(number);
            case Short number -> appendLong(number);
            case Byte number -> appendLong(number);
            case Instant instant -> appendLong(instant.toEpochMilli());
            case Numeral numeral when numeral.isWhole() -> appendLong(numeral.longValue());
            case Number number -> appendDecimal(field, number);
            case BytesView view -> append(view.bytes(), view.from(), view.length());
            case byte[] whole -> append(whole);
            case ByteBuffer buffer -> {
                byte[] copy = new byte[buffer.remaining()];
                buffer.get(buffer.position(), copy);
                append(copy);
            }
            case GenericFixed fixed -> append(fixed.bytes());
            default -> throw Values.wrongType(field, "a string, number, boolean or bytes", value);
        }
    }

    private void appendDecimal(String field, Number number) throws RejectedException {
        double value = number.doubleValue();
        if (!Double.isFinite(value)) {
            throw new RejectedException(Rejection.Reason.NOT_FINITE,
                    "field '" + field + "': expected a finite number, found " + value);
        }
        if (value == StrictMath.rint(value) && Math.abs(value) < LONG_LIMIT) {
            appendLong((long) value);
        } else if (number instanceof Float || number instanceof Numeral numeral && numeral.isFloat()) {
            appendText(Float.toString(number.floatValue()));
        } else {
            appendText(Double.toString(value));
        }
    }

    void appendLong(long value) {
        ensure(20);
        if (value == Long.MIN_VALUE) {
            appendText("-9223372036854775808");
            return;
        }
        long rest = Math.abs(value);
        if (value < 0) {
            bytes[length++] = '-';
        }
        int digits = 1;
        for (long limit = 10; digits < 19 && rest >= limit; limit *= 10) {
            digits++;
        }
        for (int at = length + digits - 1; at >= length; at--) {
            bytes[at] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        length += digits;
    }

    void appendText(CharSequence text) {
        int chars = text.length();
        ensure(3 * chars); // a char takes at most 3 bytes (a pair of surrogates 4)
        for (int i = 0; i < chars; i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                put(c);
            } else if (i + 1 < chars && Character.isSurrogatePair(c, text.charAt(i + 1))) {
                put(Character.toCodePoint(c, text.charAt(++i)));
            } else {
                bytes[length++] = '?';
            }
        }
    }

    void appendCharacter(int codePoint) {
        ensure(4);
        put(codePoint);
    }

    private void put(int codePoint) {
        if (codePoint < 0x80) {
            bytes[length++] = (byte) codePoint;
            return;
        }
        if (codePoint < 0x800) {
            bytes[length++] = (byte) (0xc0 | codePoint >> 6);
        } else {
            if (codePoint < 0x10000) {
                bytes[length++] = (byte) (0xe0 | codePoint >> 12);
            } else {
                bytes[length++] = (byte) (0xf0 | codePoint >> 18);
                bytes[length++] = (byte) (0x80 | codePoint >> 12 & 0x3f);
            }
            bytes[length++] = (byte) (0x80 | codePoint >> 6 & 0x3f);
        }
        bytes[length++] = (byte) (0x80 | codePoint & 0x3f);
    }

    private void ensure(int more) {
        if (bytes.length - length < more) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, length + more));
        }
    }

    int bucket(int buckets) {
        return Integer.remainderUnsigned(hash(), buckets);
    }

    int length() {
        return length;
    }

    byte at(int index) {
        return bytes[index];
    }

    boolean equalTo(byte[] other) {
        return Arrays.equals(bytes, 0, length, other, 0, other.length);
    }

    int hash() {
        return Murmur3.hash(bytes, 0, length, 0);
    }

    /// Another hash, of seed 1, by which texts with the same `hash` differ.
    int tag() {
        return Murmur3.hash(bytes, 0, length, 1);
    }

    /// 64 bits: those of [#hash], and those of seed 1.
    long longHash() {
        return (long) hash() << 32 | Integer.toUnsignedLong(tag());
    }

    /// Copies what fits of the text, up to the end of a character. Returns how many bytes these are.
    int copyStart(byte[] to, int at, int max) {
        int count = Math.min(length, max);
        while (count < length && count > 0 && (bytes[count] & 0xc0) == 0x80) {
            count--;
        }
        System.arraycopy(bytes, 0, to, at, count);
        return count;
    }

    void copyOf(CanonicalText other) {
        length = 0;
        append(other.bytes, 0, other.length);
    }

    /// Whether it is a text that can be written to logs and answers: bytes may be no UTF-8, and a text may have control
    /// characters. Allocates only for a text that is not ASCII.
    boolean isPlain() {
        boolean ascii = true;
        for (int i = 0; i < length; i++) {
            ascii &= bytes[i] >= 0;
            if (bytes[i] >= 0 && Character.isISOControl(bytes[i])) {
                return false;
            }
        }
        try {
            return ascii || StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, 0, length)).chars()
                    .noneMatch(Character::isISOControl);
        } catch (CharacterCodingException notText) {
            return false;
        }
    }

    /// @throws CharacterCodingException bytes may be no UTF-8
    String toUtf8Text() throws CharacterCodingException {
        return BinaryReader.utf8(bytes, 0, length);
    }

    String toText() {
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    /// A copy of the text, for tests and display.
    byte[] toBytes() {
        return Arrays.copyOf(bytes, length);
    }
}
