package io.tidegrad.schemas;

/// The steps of a [FieldProgram]. Each returns where it ends, or a negative number where it gives up: the bytes end too
/// soon, or are not as they should be, or written in an unusual way. What is rare is left to the decoder of a
/// [FieldReader], which may give up by throwing.
final class FieldSteps {
    private static final int GAVE_UP = -1;

    /// Bits of the first byte of a length: more bytes follow, or it is negative.
    private static final int UNUSUAL_LENGTH = 0x80000001;

    private FieldSteps() {}

    static int skip(byte[] bytes, int at, int count) {
        return count > bytes.length - at ? GAVE_UP : at + count;
    }

    static int skipLongs(FieldReader reader, byte[] bytes, int at, int count) {
        int end = at;
        for (int i = 0; i < count; i++) {
            if (end >= bytes.length) {
                return GAVE_UP;
            }
            if (bytes[end] >= 0) {
                end++;
            } else {
                reader.longAt(end);
                end = reader.position();
            }
        }
        return end;
    }

    static int skipInts(FieldReader reader, byte[] bytes, int at, int count) {
        int end = at;
        for (int i = 0; i < count; i++) {
            if (end >= bytes.length) {
                return GAVE_UP;
            }
            end = bytes[end] >= 0 ? end + 1 : reader.afterInt(end);
        }
        return end;
    }

    static int skipFlags(byte[] bytes, int at, int count) {
        for (int i = at; i < at + count; i++) {
            if (i >= bytes.length || (bytes[i] & ~1) != 0) {
                return GAVE_UP;
            }
        }
        return at + count;
    }

    static int skipTexts(FieldReader reader, byte[] bytes, int at, int count) {
        int end = at;
        for (int i = 0; i < count; i++) {
            if (end >= bytes.length) {
                return GAVE_UP;
            }
            int twice = bytes[end];
            if ((twice & UNUSUAL_LENGTH) == 0) {
                end += 1 + (twice >> 1);
            } else {
                int length = reader.lengthAt(end);
                end = reader.position() + length;
            }
        }
        return end > bytes.length ? GAVE_UP : end;
    }

    static int skipEnum(byte[] bytes, int at, int symbols) {
        return index(bytes, at, symbols) < 0 ? GAVE_UP : at + 1;
    }

    static int flag(byte[] bytes, int at, int path, FieldSink to) {
        if (at >= bytes.length || (bytes[at] & ~1) != 0) {
            return GAVE_UP;
        }
        to.flag(path, bytes[at] != 0);
        return at + 1;
    }

    /// @param kind of the instruction, a constant where this is called
    static int whole(FieldReader reader, byte[] bytes, int at, int path, FieldSink to, int kind) {
        if (at >= bytes.length) {
            return GAVE_UP;
        }
        int first = bytes[at];
        int end;
        long value;
        if (first >= 0) {
            value = first >>> 1 ^ -(first & 1);
            end = at + 1;
        } else {
            long eight = at + Long.BYTES <= bytes.length ? (long) BoundedDecoder.LONG.get(bytes, at) : -1;
            long ends = ~eight & BoundedDecoder.HIGH_BITS;
            if (ends == 0) { // near the end of the value, or nine or ten bytes long
                value = reader.longAt(at);
                end = reader.position();
            } else {
                end = at + (Long.numberOfTrailingZeros(ends) >>> 3) + 1;
                long zigzag = BoundedDecoder.sevenOfEight(eight & (ends ^ ends - 1));
                value = zigzag >>> 1 ^ -(zigzag & 1);
            }
        }
        switch (kind) {
            case FieldProgram.LONG -> to.whole(path, value);
            case FieldProgram.MICROS -> to.whole(path, Math.floorDiv(value, 1_000L));
            case FieldProgram.NANOS -> to.whole(path, Math.floorDiv(value, 1_000_000L));
            default -> {
                if (value != (int) value) {
                    return GAVE_UP;
                }
                to.whole(path, kind == FieldProgram.DAYS ? value * FieldMeaning.DAY_MILLIS : value);
            }
        }
        return end;
    }

    static int real4(byte[] bytes, int at, int path, FieldSink to) {
        if (at > bytes.length - Float.BYTES) {
            return GAVE_UP;
        }
        to.real(path, Float.intBitsToFloat((int) BoundedDecoder.INT.get(bytes, at)));
        return at + Float.BYTES;
    }

    static int real8(byte[] bytes, int at, int path, FieldSink to) {
        if (at > bytes.length - Double.BYTES) {
            return GAVE_UP;
        }
        to.real(path, Double.longBitsToDouble((long) BoundedDecoder.LONG.get(bytes, at)));
        return at + Double.BYTES;
    }

    static int text(FieldReader reader, byte[] bytes, int at, int path, FieldSink to) {
        if (at >= bytes.length) {
            return GAVE_UP;
        }
        int twice = bytes[at];
        int from = at + 1;
        int length = twice >> 1;
        if ((twice & UNUSUAL_LENGTH) != 0) {
            length = reader.lengthAt(at);
            from = reader.position();
        }
        if (length > bytes.length - from) {
            return GAVE_UP;
        }
        to.text(path, bytes, from, length);
        return from + length;
    }

    /// Returns an index that takes one byte; a negative number where there is none, or not one below `count`.
    static int index(byte[] bytes, int at, int count) {
        if (at >= bytes.length) {
            return GAVE_UP;
        }
        int twice = bytes[at];
        return (twice & 1) == 0 && twice >>> 1 < count ? twice >>> 1 : GAVE_UP;
    }

    /// Returns 1 where a union of null and a type has null, 0 where it has the type.
    ///
    /// @param nullFirst whether null is the first of the two; 0 for no
    static int isNull(byte[] bytes, int at, int nullFirst) {
        if (at >= bytes.length || (bytes[at] & ~2) != 0) {
            return GAVE_UP;
        }
        return bytes[at] == 0 == (nullFirst != 0) ? 1 : 0;
    }
}
