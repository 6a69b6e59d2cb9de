package io.tidegrad.control.suggestion;

import io.tidegrad.model.feature.NumberText;
import io.tidegrad.model.spec.Feature;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoField;
import java.time.temporal.TemporalAccessor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// What is known of a field: what its schema says, if it has one, and each sampled row's value, as the number of one of
/// the distinct values.
final class Column {
    /// No value in that row.
    static final int MISSING = -1;

    /// A name that says time, at which whole numbers may be times.
    private static final String TIME_NAME = "at|ts|.*(time|date|_at|stamp).*";

    /// What the values of a field are.
    enum Kind {
        NUMBER, FLAG,
        /// Epoch milliseconds or seconds, or ISO-8601 with a T or a blank, or a date alone.
        TIME, TEXT, LIST, BYTES
    }

    private final String name;
    private final @Nullable Kind declared;
    private final Map<String, Integer> numbers = new HashMap<>(); // of the distinct values
    private final List<String> distinct = new ArrayList<>();
    private int[] codes = {};
    private int rows;
    private boolean isText; // some value of a source with types is one
    private @Nullable Kind noValue; // a list or bytes were there
    private Kind kind = Kind.TEXT;
    private double[] values = {};
    private boolean seconds;

    /// @param declared what a schema says; null without one
    Column(String name, @Nullable Kind declared) {
        this.name = name;
        this.declared = declared;
    }

    String name() {
        return name;
    }

    /// @param row the number of the row, ascending; those left out are missing
    /// @param typed whether a text is meant as one, as in JSON, and not only written as one, as in CSV
    void add(int row, Object value, boolean typed) {
        if (value instanceof List || value instanceof byte[]) {
            noValue = value instanceof List ? Kind.LIST : Kind.BYTES;
            return;
        }
        if (row >= codes.length) {
            codes = Arrays.copyOf(codes, Math.max(1_024, 2 * row));
        }
        Arrays.fill(codes, rows, row, MISSING);
        String text = value.toString();
        codes[row] = numbers.computeIfAbsent(text, unused -> {
            distinct.add(text);
            return distinct.size() - 1;
        });
        rows = row + 1;
        isText |= typed && value instanceof CharSequence;
    }

    /// Ends the sample.
    void end(int allRows) {
        codes = Arrays.copyOf(codes, allRows);
        Arrays.fill(codes, rows, allRows, MISSING);
        rows = allRows;
        if (!isText && distinct.stream().allMatch(value -> NumberText.of(value.strip()) != null)) {
            values = distinct.stream().mapToDouble(Double::parseDouble).toArray();
        }
        kind = found();
    }

    private Kind found() {
        if (noValue != null) {
            return noValue;
        }
        if (declared != null && (declared == Kind.TIME || distinct.isEmpty())) {
            return declared;
        }
        if (distinct.isEmpty()) {
            return Kind.TEXT;
        }
        if (values.length > 0) {
            seconds = isWhole() && isNamedTime() && Arrays.stream(values).allMatch(x -> x >= 1e8 && x < 5e9);
            return seconds || isMillis() ? Kind.TIME : Kind.NUMBER;
        }
        if (distinct.stream().allMatch(value -> value.equalsIgnoreCase("true") || value.equalsIgnoreCase("false"))) {
            return Kind.FLAG;
        }
        return distinct.stream().allMatch(Column::isTime) ? Kind.TIME : Kind.TEXT;
    }

    /// Of whole numbers between 1973 and 2128: by the field's name, or because they hardly ever fall.
    private boolean isMillis() {
        if (!isWhole() || !Arrays.stream(values).allMatch(x -> x >= 1e11 && x < 5e12)) {
            return false;
        }
        double[] inOrder = present().toArray();
        int falls = 0;
        for (int i = 1; i < inOrder.length; i++) {
            falls += inOrder[i] < inOrder[i - 1] ? 1 : 0;
        }
        return isNamedTime() || falls <= inOrder.length / 20;
    }

    /// Of whole numbers between 1973 and 2128, by the field's name. Where a schema says that they are times, they are in
    /// milliseconds.
    boolean isSeconds() {
        return seconds;
    }

    /// Of numbers, the time that one stands for, in epoch milliseconds.
    double millis(double number) {
        return seconds ? 1_000 * number : number;
    }

    private boolean isNamedTime() {
        return name.toLowerCase(Locale.ROOT).matches(TIME_NAME);
    }

    private static boolean isTime(String text) {
        try {
            if (text.length() <= 10) {
                var unused = date(text);
            } else {
                DateTimeFormatter.ISO_DATE_TIME.parse(withT(text));
            }
            return true;
        } catch (DateTimeException other) {
            return false;
        }
    }

    /// Of times, the number of a part of each row's time, in UTC, or `MISSING`.
    int[] parts(Feature.Part part) {
        int[] ofValue = IntStream.range(0, distinct.size()).map(code -> number(part, utc(code))).toArray();
        return Arrays.stream(codes).map(code -> code == MISSING ? MISSING : ofValue[code]).toArray();
    }

    private static int number(Feature.Part part, LocalDateTime time) {
        return time.get(switch (part) {
            case MINUTE_OF_DAY -> ChronoField.MINUTE_OF_DAY;
            case HOUR -> ChronoField.HOUR_OF_DAY;
            case WEEKDAY -> ChronoField.DAY_OF_WEEK;
            case DAY -> ChronoField.DAY_OF_MONTH;
            case MONTH -> ChronoField.MONTH_OF_YEAR;
        });
    }

    private LocalDateTime utc(int code) {
        if (values.length > 0) {
            return LocalDateTime.ofInstant(Instant.ofEpochMilli((long) millis(values[code])), ZoneOffset.UTC);
        }
        String text = distinct.get(code);
        if (text.length() <= 10) {
            return date(text).atStartOfDay();
        }
        TemporalAccessor time =
                DateTimeFormatter.ISO_DATE_TIME.parseBest(withT(text), OffsetDateTime::from, LocalDateTime::from);
        return time instanceof OffsetDateTime at ? at.withOffsetSameInstant(ZoneOffset.UTC).toLocalDateTime()
                : LocalDateTime.from(time);
    }

    private static LocalDate date(String text) {
        return LocalDate.parse(text.length() == 7 ? text + "-01" : text);
    }

    private static String withT(String text) {
        return text.substring(0, 10) + 'T' + text.substring(11);
    }

    int[] codes() {
        return codes;
    }

    List<String> distinct() {
        return distinct;
    }

    int missing() {
        return (int) Arrays.stream(codes).filter(code -> code == MISSING).count();
    }

    Kind kind() {
        return kind;
    }

    /// Of numbers.
    boolean isWhole() {
        return Arrays.stream(values).allMatch(x -> x == Math.rint(x));
    }

    /// Of numbers, by code.
    double[] values() {
        return values;
    }

    /// Of numbers, those of the rows that have one, in order.
    DoubleStream present() {
        return Arrays.stream(codes).filter(code -> code != MISSING).mapToDouble(code -> values[code]);
    }
}
