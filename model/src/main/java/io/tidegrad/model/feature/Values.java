package io.tidegrad.model.feature;

import io.tidegrad.model.stream.Example;
import java.nio.ByteBuffer;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.TemporalAccessor;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.avro.generic.GenericFixed;
import org.jspecify.annotations.Nullable;

/// Converts a field's value to the type that a feature needs, or rejects it and says what was found.
final class Values {
    private static final int SHOWN_MAX = 40;

    private Values() {}

    /// The value as a number; true and false are 1 and 0.
    static double number(String field, Object value) throws RejectedException {
        return switch (value) {
            case Double number -> number;
            case Number number -> number.doubleValue();
            case Boolean flag -> flag ? 1 : 0;
            default -> throw wrongType(field, "a number", value);
        };
    }

    /// Number `index` of a list, as a double.
    static double numberAt(String field, List<?> numbers, int index) throws RejectedException {
        Object element = numbers.get(index);
        if (element instanceof Number number) {
            return number.doubleValue();
        }
        throw wrongType(field + "[" + index + "]", "a number", element);
    }

    /// Number `index` of a list, as the float of a row.
    static float element(String field, List<?> numbers, int index) throws RejectedException {
        return FeatureWriter.checked(field, numberAt(field, numbers, index));
    }

    /// The value as epoch milliseconds: a whole number, an `Instant` or ISO-8601 text (without an offset it is read as
    /// UTC, a date alone as its midnight).
    static long time(String field, Object value) throws RejectedException {
        return time(field, value, TimeUnit.MILLISECONDS);
    }

    /// The same, of a number that counts `unit` since 1970. Seconds may have a fraction, as Python writes them, and are
    /// rounded to milliseconds; what is counted finer is rounded down.
    static long time(String field, Object value, TimeUnit unit) throws RejectedException {
        long time = switch (value) {
            case Numeral numeral when numeral.isTime() -> numeral.longValue();
            case Number number when unit != TimeUnit.MILLISECONDS -> inMillis(field, number, unit);
            case Long millis -> millis;
            case Integer millis -> millis;
            case Instant instant -> instant.toEpochMilli();
            case Number number when number.doubleValue() == (double) number.longValue() -> number.longValue();
            case CharSequence text -> parseTime(field, text, unit);
            default -> throw noTime(field, value, unit);
        };
        if (time < Example.TIME_MIN || time > Example.TIME_MAX) {
            throw new RejectedException(Rejection.Reason.OUT_OF_RANGE,
                    "field '" + field + "': expected a time in the years 0 to 9999, found "
                            + (unit == TimeUnit.MILLISECONDS ? time + " ms since 1970"
                                    : describe(value) + "; if it counts milliseconds, or is a timestamp of Avro, leave"
                                            + " time-unit: " + unit.name().toLowerCase(Locale.ROOT) + " out"));
        }
        return time;
    }

    private static long inMillis(String field, Number number, TimeUnit unit) throws RejectedException {
        if (unit == TimeUnit.SECONDS) {
            double millis = number.doubleValue() * 1_000;
            if (Double.isNaN(millis)) {
                throw noTime(field, number, unit);
            }
            return Math.round(millis); // what lies beyond all times is refused afterwards
        }
        if (number.doubleValue() != (double) number.longValue()) {
            throw noTime(field, number, unit);
        }
        return Math.floorDiv(number.longValue(), unit.convert(1, TimeUnit.MILLISECONDS));
    }

    private static RejectedException noTime(String field, Object value, TimeUnit unit) {
        String counted = unit == TimeUnit.MILLISECONDS ? "ms" : unit.name().toLowerCase(Locale.ROOT);
        return wrongType(field, "a time (epoch " + counted + " or ISO-8601)", value);
    }

    private static long parseTime(String field, CharSequence text, TimeUnit unit) throws RejectedException {
        try {
            if (FixedTime.matches(text)) {
                return FixedTime.millis(text);
            }
            TemporalAccessor parsed = text.length() <= 10 ? LocalDate.parse(text)
                    : DateTimeFormatter.ISO_DATE_TIME.parseBest(text, OffsetDateTime::from, LocalDateTime::from);
            return switch (parsed) {
                case LocalDate date -> date.toEpochDay() * 86_400_000L;
                case OffsetDateTime withOffset -> withOffset.toInstant().toEpochMilli();
                case LocalDateTime local -> local.toInstant(ZoneOffset.UTC).toEpochMilli();
                default -> throw noTime(field, text, unit);
            };
        } catch (DateTimeException | ArithmeticException notATime) {
            throw noTime(field, text, unit);
        }
    }

    static RejectedException wrongType(String field, String expected, @Nullable Object found) {
        return new RejectedException(Rejection.Reason.WRONG_TYPE,
                "field '" + field + "': expected " + expected + ", found " + describe(found));
    }

    static RejectedException missing(String field, String expected) {
        return new RejectedException(Rejection.Reason.MISSING_FIELD,
                "field '" + field + "': expected " + expected + ", found null");
    }

    /// Describes a value for messages: its type and, if it is short, the value itself.
    static String describe(@Nullable Object value) {
        return switch (value) {
            case null -> "null";
            case Boolean flag -> flag.toString();
            case Number number -> "number " + shown(number.toString());
            case CharSequence text -> "string \"" + shown(text) + "\"";
            case Instant instant -> "time " + instant;
            case OtherValue other -> other.description();
            case BytesView bytes -> bytes.length() + " bytes";
            case byte[] bytes -> bytes.length + " bytes";
            case ByteBuffer bytes -> bytes.remaining() + " bytes";
            case GenericFixed fixed -> fixed.bytes().length + " bytes";
            case Collection<?> list -> "a list of " + list.size();
            case Map<?, ?> map -> "a record of " + map.size();
            default -> "a " + value.getClass().getSimpleName();
        };
    }

    /// A short text without control characters, because it is written to headers, logs and answers.
    private static String shown(CharSequence text) {
        boolean cut = text.length() > SHOWN_MAX;
        String shown = text.subSequence(0, cut ? SHOWN_MAX : text.length()).toString();
        return shown.replaceAll("\\p{Cntrl}", "?") + (cut ? "…" : "");
    }
}
