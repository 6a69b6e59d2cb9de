package io.tidegrad.schemas;

import io.tidegrad.schemas.AvroType.Meaning;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/// What bytes mean by their logical type.
final class FieldMeaning {
    static final long DAY_MILLIS = 86_400_000L;

    /// Enough for 300 digits. Real decimals have at most 76, in 32 bytes.
    private static final int DECIMAL_BYTES_MAX = 128;

    private static final int MONTH_DAYS = 30;

    /// Up to here powers of ten are exact doubles.
    private static final double[] TENS = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13,
        1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    private static final long EXACT_MAX = 1L << 53;

    /// 2^1024 times ten to minus this is less than half of the smallest double.
    private static final int SCALE_MAX = 700;

    private FieldMeaning() {}

    static void bytes(int path, Meaning meaning, int scale, byte[] bytes, int from, int length, FieldSink to) {
        switch (meaning) {
            case DECIMAL -> decimal(path, scale, bytes, from, length, to);
            case UUID -> {
                ByteBuffer halves = ByteBuffer.wrap(bytes, from, length);
                to.text(path, new UUID(halves.getLong(), halves.getLong()).toString());
            }
            case DURATION -> to.real(path, duration(bytes, from));
            default -> to.bytes(path, bytes, from, length);
        }
    }

    /// A whole number that fits a long stays exact; any other decimal is the double that is nearest to it. Bytes that can
    /// be none make no feature, and the event is read all the same, as where nobody looks at them.
    private static void decimal(int path, int scale, byte[] bytes, int from, int length, FieldSink to) {
        if (length == 0 || length > DECIMAL_BYTES_MAX) {
            to.other(path, "a decimal of " + length + " bytes");
            return;
        }
        if (length > Long.BYTES) {
            decimal(path, new BigDecimal(new BigInteger(bytes, from, length), scale), to);
            return;
        }
        long unscaled = bytes[from];
        for (int i = 1; i < length; i++) {
            unscaled = unscaled << 8 | bytes[from + i] & 0xff;
        }
        if (scale == 0) {
            to.whole(path, unscaled);
        } else if (scale < TENS.length && unscaled <= EXACT_MAX && unscaled >= -EXACT_MAX) {
            to.real(path, unscaled / TENS[scale]); // one rounding, of two exact numbers
        } else {
            to.real(path, nearest(BigInteger.valueOf(unscaled), scale));
        }
    }

    private static double nearest(BigInteger unscaled, int scale) {
        if (Math.abs(scale) > SCALE_MAX) {
            return scale > 0 || unscaled.signum() == 0 ? 0 : unscaled.signum() * Double.POSITIVE_INFINITY;
        }
        return new BigDecimal(unscaled, scale).doubleValue();
    }

    static void decimal(int path, BigDecimal decimal, FieldSink to) {
        if (decimal.scale() == 0 && decimal.unscaledValue().bitLength() < Long.SIZE) {
            to.whole(path, decimal.longValue());
        } else {
            to.real(path, nearest(decimal.unscaledValue(), decimal.scale()));
        }
    }

    private static double duration(byte[] bytes, int from) {
        ByteBuffer parts = ByteBuffer.wrap(bytes, from, 12).order(ByteOrder.LITTLE_ENDIAN);
        return duration(Integer.toUnsignedLong(parts.getInt()), Integer.toUnsignedLong(parts.getInt()),
                Integer.toUnsignedLong(parts.getInt()));
    }

    /// Milliseconds, of months of 30 days and days of 24 hours.
    static double duration(long months, long days, long millis) {
        return (double) (months * MONTH_DAYS + days) * DAY_MILLIS + millis;
    }

    /// Text whose schema asks for Java's own strings. What is no UTF-8 in it has always been replaced.
    static void javaString(int path, byte[] bytes, int from, int length, FieldSink to) {
        for (int i = from; i < from + length; i++) {
            if (bytes[i] < 0) {
                to.text(path, new String(bytes, from, length, StandardCharsets.UTF_8));
                return;
            }
        }
        to.text(path, bytes, from, length);
    }
}
