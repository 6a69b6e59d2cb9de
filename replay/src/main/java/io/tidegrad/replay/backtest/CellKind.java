package io.tidegrad.replay.backtest;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tidegrad.model.feature.FieldValues;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.JsonRecord;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/// What a cell's text stands for, because CSV has no types.
enum CellKind {
    /// The text, as it is.
    TEXT {
        @Override
        void put(String cell, int field, FieldValues values) {
            values.text(field, cell);
        }
    },
    /// A whole number, another number, or true or false in any case; text that reads as none of them stays text.
    NUMBER {
        @Override
        void put(String cell, int field, FieldValues values) {
            number(cell, field, values);
        }
    },
    /// A number, or else a time as text, with a blank or a T before the hours, or a month alone, which is its first day.
    TIME {
        @Override
        void put(String cell, int field, FieldValues values) {
            if (cell.length() == 7 && cell.charAt(4) == '-') {
                values.text(field, cell + "-01");
            } else if (cell.length() > 10 && cell.charAt(10) == ' ') {
                values.text(field, cell.substring(0, 10) + 'T' + cell.substring(11));
            } else {
                number(cell, field, values);
            }
        }
    },
    /// A list in JSON, `[1, 2.5, "a"]`; other text stays text.
    LIST {
        @Override
        void put(String cell, int field, FieldValues values) {
            list(cell, field, values);
        }
    };

    /// Up to here, a number's digits and the power of ten behind its point are doubles, and their quotient is rounded once:
    /// the nearest double (Clinger 1990, "How to read floating point numbers accurately").
    private static final int DIGITS_MAX = 15;

    private static final double[] POWERS =
            {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

    /// @param field its number
    abstract void put(String cell, int field, FieldValues values);

    /// A field that is read as a number and as a category is a number.
    static CellKind of(ModelSpec spec, String field) {
        CellKind found = null;
        for (Feature feature : spec.features()) {
            if (feature.fields().contains(field)) {
                CellKind kind = of(feature, field);
                found = found == null || found == TEXT ? kind : found;
            }
        }
        if (field.equals(spec.input().eventTime())) {
            return TIME;
        }
        if (found == null || found == TEXT) {
            boolean text = field.equals(spec.label().field()) ? spec.label().isText() : found == TEXT;
            return text ? TEXT : spec.label().isList() ? LIST : NUMBER;
        }
        return found;
    }

    private static CellKind of(Feature feature, String field) {
        return switch (feature) {
            case Feature.Category _ -> TEXT;
            case Feature.Cross cross ->
                cross.crossed().stream().anyMatch(of -> of.field().equals(field) && of.part() != null) ? TIME : TEXT;
            case Feature.TimePart _ -> TIME;
            case Feature.Cyclic cyclic -> cyclic.part() == null ? NUMBER : TIME;
            case Feature.Numeric _ -> NUMBER;
            case Feature.Categories list -> list.cut() == null ? LIST : TEXT;
            case Feature.Bag bag -> bag.cut() == null ? LIST : TEXT;
            case Feature.Pixels _,Feature.Sequence _,Feature.ShiftedLabel _ -> LIST;
        };
    }

    static boolean isNumber(String cell) {
        return number(cell.strip()) != null;
    }

    private static void number(String cell, int field, FieldValues values) {
        String text = cell.strip();
        Number number = number(text);
        if (number instanceof Long whole) {
            values.whole(field, whole);
        } else if (number != null) {
            values.real(field, number.doubleValue());
        } else if (text.equalsIgnoreCase("true") || text.equalsIgnoreCase("false")) {
            values.flag(field, text.equalsIgnoreCase("true"));
        } else {
            values.text(field, cell);
        }
    }

    /// Returns a `Long` or a `Double`; null for what is no number. As in JSON, a point or an exponent makes it a double.
    private static @Nullable Number number(String text) {
        int length = text.length();
        boolean negative = length > 0 && text.charAt(0) == '-';
        int at = negative || length > 0 && text.charAt(0) == '+' ? 1 : 0;
        long digits = 0;
        int count = 0;
        int behindPoint = -1;
        for (; at < length; at++) {
            char next = text.charAt(at);
            if (next == '.' && behindPoint < 0) {
                behindPoint = 0;
            } else if (next >= '0' && next <= '9' && count < DIGITS_MAX) {
                digits = 10 * digits + (next - '0');
                count++;
                behindPoint += behindPoint < 0 ? 0 : 1;
            } else {
                return slowNumber(text);
            }
        }
        if (count == 0) {
            return null;
        }
        if (behindPoint < 0) {
            return negative ? -digits : digits;
        }
        double value = digits / POWERS[behindPoint];
        return negative ? -value : value;
    }

    private static @Nullable Number slowNumber(String text) {
        boolean whole = true;
        for (int i = 0; i < text.length(); i++) {
            if ("0123456789+-.eE".indexOf(text.charAt(i)) < 0) {
                return null;
            }
            whole &= ".eE".indexOf(text.charAt(i)) < 0;
        }
        try {
            if (whole) {
                return Long.valueOf(text);
            }
        } catch (NumberFormatException tooLong) {
            // A double, as in JSON.
        }
        try {
            return Double.valueOf(text);
        } catch (NumberFormatException other) {
            return null;
        }
    }

    private static void list(String cell, int field, FieldValues values) {
        try (JsonParser parser = JsonRecord.STRICT.createParser(cell)) {
            if (parser.nextToken() == JsonToken.START_ARRAY) {
                values.list(field);
                for (JsonToken token = parser.nextToken(); token != JsonToken.END_ARRAY; token = parser.nextToken()) {
                    element(parser, field, values);
                }
                return;
            }
        } catch (IOException notJson) {
            values.clear(field);
        }
        values.text(field, cell);
    }

    private static void element(JsonParser parser, int field, FieldValues values) throws IOException {
        values.open(field);
        switch (parser.currentToken()) {
            case VALUE_NUMBER_INT -> values.elements().whole(field, parser.getLongValue());
            case VALUE_NUMBER_FLOAT -> values.elements().real(field, parser.getDoubleValue());
            case VALUE_TRUE, VALUE_FALSE -> values.elements().flag(field, parser.getBooleanValue());
            case VALUE_NULL -> {
            }
            case VALUE_STRING -> values.elements().text(field, parser.getText());
            default -> {
                values.elements().other(field, JsonRecord.describe(parser.currentToken()));
                parser.skipChildren();
            }
        }
        values.close(field);
    }
}
