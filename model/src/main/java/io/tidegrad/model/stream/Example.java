package io.tidegrad.model.stream;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.spec.Flow;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/// What a record of an examples topic says in its headers; its value is the event's own bytes, untouched. The values are
/// UTF-8 text:
///
/// | header | value |
/// |---|---|
/// | `tidegrad-example` | `1 kind topic:partition:offset event-time label-time weight`, with one blank between two |
/// | `tidegrad-example-label` | canonical text (`LabelText`); left out where the label was taken back and none stands in its place |
/// | `tidegrad-example-old-label` | of a correction: the label that it replaces; left out where there was none |
///
/// `1` is the format's number. The kind is `final`, `provisional` or `correction`. Topic, partition and offset say where the
/// event lies. Times are epoch milliseconds; that of the record that gave or took the label is `-` where none did. The
/// weight is a decimal number from 0 on. What has no blanks is in one header, because each header costs its name, some 20
/// bytes, and time on every way.
///
/// docs/streams.md shows one.
///
/// @param label null: taken back
/// @param oldLabel null unless this corrects one
/// @param labelTime null: no record gave the label
public record Example(Kind kind, @Nullable String label, @Nullable String oldLabel, double weight, Source source,
        long eventTime, @Nullable Long labelTime) {
    public static final int FORMAT = 1;
    public static final String HEADER = "tidegrad-example";

    /// Headers of an event whose names begin with this are headers of its examples too.
    public static final String CARRIED_PREFIX = "tidegrad-served-";

    public static final String LABEL_HEADER = HEADER + "-label";
    public static final String OLD_LABEL_HEADER = HEADER + "-old-label";

    private static final String FIELDS = FORMAT + " kind topic:partition:offset event-time label-time weight";
    private static final int FIELD_COUNT = 6;
    private static final String NO_TIME = "-";

    public static final double WEIGHT_MAX = 1e15;

    private static final int HEADER_BYTES_MAX = 1_000;
    private static final int SHOWN_MAX = 40;

    /// The years 0000 to 9999 in epoch milliseconds.
    public static final long TIME_MIN = -62_167_219_200_000L;

    public static final long TIME_MAX = 253_402_300_799_999L;
    // Reading is on the path of every example: these bounds are checked without expressions.
    private static final int TOPIC_LENGTH_MAX = 249;
    private static final int PARTITION_DIGITS_MAX = 9;
    private static final int OFFSET_DIGITS_MAX = 18;
    private static final int TIME_DIGITS_MAX = 15;

    private static final List<Kind> KINDS = List.of(Kind.values());

    private static final Pattern WEIGHT = Pattern.compile("(0|[1-9][0-9]{0,15})(\\.[0-9]{1,400})?");

    /// How sure an example's label is.
    public enum Kind {
        /// The label was given.
        FINAL,
        /// No label came in time; the label is the stream's missing label.
        PROVISIONAL,
        /// Another label than an earlier example of the same event had.
        CORRECTION;

        private final String code = name().toLowerCase(Locale.ROOT);

        /// As a header has it.
        public String code() {
            return code;
        }
    }

    /// Where the event lies.
    public record Source(String topic, int partition, long offset) {
        @Override
        public String toString() {
            return topic + ":" + partition + ":" + offset;
        }
    }

    public Example {
        weight += 0; // -0 is 0
        if (!(weight >= 0 && weight <= WEIGHT_MAX)) {
            throw new IllegalArgumentException("expected a weight from 0 to 1e15, found " + weight);
        }
        if ("".equals(label) || "".equals(oldLabel)) {
            throw new IllegalArgumentException("expected a label of at least one character, found none");
        }
        if (kind != Kind.CORRECTION && (label == null || oldLabel != null)) {
            throw new IllegalArgumentException("expected a label and no old label in a " + kind.code()
                    + " example, found " + label + " and " + oldLabel);
        }
        if (isTooLong(label) || isTooLong(oldLabel)) {
            throw new IllegalArgumentException("expected labels of at most " + HEADER_BYTES_MAX + " bytes");
        }
        if (!isTime(eventTime) || labelTime != null && !isTime(labelTime)) {
            throw new IllegalArgumentException(
                    "expected times in the years 0 to 9999, found " + eventTime + " and " + labelTime);
        }
    }

    private static boolean isTooLong(@Nullable String label) {
        return label != null && label.length() > HEADER_BYTES_MAX / 3
                && label.getBytes(StandardCharsets.UTF_8).length > HEADER_BYTES_MAX;
    }

    private static boolean isTime(long millis) {
        return millis >= TIME_MIN && millis <= TIME_MAX;
    }

    public Example withWeight(double weight) {
        return new Example(kind, label, oldLabel, weight, source, eventTime, labelTime);
    }

    /// Whether `headers` are those of an example, of whatever format and however damaged.
    public static boolean isIn(Headers headers) {
        return headers.lastHeader(HEADER) != null;
    }

    /// Adds this example's headers, in the order of the table above.
    public void writeTo(Headers headers) {
        String text = FORMAT + " " + kind.code + ' ' + source.topic + ':' + source.partition + ':' + source.offset + ' '
                + eventTime + ' ' + (labelTime == null ? NO_TIME : labelTime) + ' '
                + (weight == 1 ? "1" : Flow.number(weight));
        write(headers, HEADER, text);
        write(headers, LABEL_HEADER, label);
        write(headers, OLD_LABEL_HEADER, oldLabel);
    }

    private static void write(Headers headers, String name, @Nullable String value) {
        if (value != null) {
            headers.add(name, value.getBytes(StandardCharsets.UTF_8));
        }
    }

    /// Reads the headers whose names begin with `HEADER`; others may be there too.
    ///
    /// @throws ExampleException a header is missing, stands there twice, is unknown or can't be read
    public static Example read(Headers headers) throws ExampleException {
        Reader reader = new Reader();
        for (Header header : headers) {
            if (header.key().startsWith(HEADER)) {
                reader.take(header.key(), header.value());
            }
        }
        return reader.example();
    }

    /// Whether a part of the text is a number from 0 on, without leading zeros.
    static boolean isWhole(String text, int from, int to, int digitsMax) {
        if (to <= from || to - from > digitsMax || text.charAt(from) == '0' && to - from > 1) {
            return false;
        }
        for (int i = from; i < to; i++) {
            if (!isDigit(text.charAt(i))) {
                return false;
            }
        }
        return true;
    }

    static boolean isDigit(char each) {
        return each >= '0' && each <= '9';
    }

    /// The headers found so far.
    private static final class Reader {
        private @Nullable String text;
        private @Nullable String label;
        private @Nullable String oldLabel;
        private @Nullable String unknown;

        void take(String name, byte @Nullable [] value) throws ExampleException {
            switch (name) {
                case HEADER -> text = text(name, value, text);
                case LABEL_HEADER -> label = text(name, value, label);
                case OLD_LABEL_HEADER -> oldLabel = text(name, value, oldLabel);
                default -> unknown = name; // refused only after the format: a later format may have it
            }
        }

        private static String text(String name, byte @Nullable [] value, @Nullable String earlier)
                throws ExampleException {
            if (earlier != null) {
                throw new ExampleException("header " + name + ": expected once, found twice");
            }
            if (value == null || value.length == 0) {
                throw new ExampleException("header " + name + ": expected a text, found nothing");
            }
            if (value.length > HEADER_BYTES_MAX) {
                throw new ExampleException(
                        "header " + name + ": expected at most " + HEADER_BYTES_MAX + " bytes, found " + value.length);
            }
            try {
                return BinaryReader.utf8(value, 0, value.length);
            } catch (CharacterCodingException notUtf8) {
                throw new ExampleException("header " + name + ": expected UTF-8 text, found other bytes");
            }
        }

        Example example() throws ExampleException {
            if (text == null) {
                throw missing(HEADER);
            }
            String[] fields = text.split(" ", -1);
            if (!fields[0].equals(Integer.toString(FORMAT))) {
                throw new ExampleException("header " + HEADER + ": expected format " + FORMAT + ", found "
                        + shown(fields[0]) + "; a newer build may be able to read it");
            }
            if (unknown != null) {
                throw new ExampleException("header " + shown(unknown) + ": unknown in format " + FORMAT);
            }
            if (fields.length != FIELD_COUNT) {
                throw wrong("", '"' + FIELDS + '"', text);
            }
            Kind kind = kind(fields[1]);
            if (kind != Kind.CORRECTION) {
                if (label == null) {
                    throw missing(LABEL_HEADER);
                }
                if (oldLabel != null) {
                    throw new ExampleException("header " + OLD_LABEL_HEADER
                            + ": expected in corrections only, found in a " + kind.code() + " example");
                }
            }
            return new Example(kind, label, oldLabel, weight(fields[5]), source(fields[2]),
                    time("event time", fields[3]), fields[4].equals(NO_TIME) ? null : time("label time", fields[4]));
        }

        private static ExampleException missing(String header) {
            return new ExampleException("header " + header + " is missing");
        }

        private static Kind kind(String code) throws ExampleException {
            for (Kind each : KINDS) {
                if (each.code().equals(code)) {
                    return each;
                }
            }
            throw wrong("kind ", "final, provisional or correction", code);
        }

        private static double weight(String text) throws ExampleException {
            double value =
                    text.equals("1") ? 1 : WEIGHT.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
            if (!(value <= WEIGHT_MAX)) {
                throw wrong("weight ", "a decimal number from 0 to 1e15", text);
            }
            return value;
        }

        private static Source source(String text) throws ExampleException {
            int second = text.lastIndexOf(':');
            int first = text.lastIndexOf(':', second - 1);
            if (first < 1 || first > TOPIC_LENGTH_MAX || !isTopic(text, first)
                    || !isWhole(text, first + 1, second, PARTITION_DIGITS_MAX)
                    || !isWhole(text, second + 1, text.length(), OFFSET_DIGITS_MAX)) {
                throw wrong("source ", "topic:partition:offset", text);
            }
            return new Source(text.substring(0, first), Integer.parseInt(text, first + 1, second, 10),
                    Long.parseLong(text, second + 1, text.length(), 10));
        }

        private static boolean isTopic(String text, int to) {
            for (int i = 0; i < to; i++) {
                char each = text.charAt(i);
                if (!(each >= 'a' && each <= 'z' || each >= 'A' && each <= 'Z' || isDigit(each) || each == '.'
                        || each == '_' || each == '-')) {
                    return false;
                }
            }
            return true;
        }

        private static long time(String name, String text) throws ExampleException {
            if (isWhole(text, text.startsWith("-") ? 1 : 0, text.length(), TIME_DIGITS_MAX)) {
                long value = Long.parseLong(text);
                if (isTime(value)) {
                    return value;
                }
            }
            throw wrong(name + ' ', "epoch milliseconds in the years 0 to 9999", text);
        }

        /// @param field and a blank; empty: all of the header
        private static ExampleException wrong(String field, String expected, String found) {
            return new ExampleException(
                    "header " + HEADER + ": expected " + field + expected + ", found \"" + shown(found) + '"');
        }

        private static String shown(String text) {
            String printable = text.replaceAll("\\p{Cntrl}", "?");
            return printable.length() <= SHOWN_MAX ? printable : printable.substring(0, SHOWN_MAX) + "…";
        }
    }
}
