package io.tidegrad.replay.backtest;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tidegrad.model.feature.FieldValues;
import io.tidegrad.model.feature.NumberText;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.JsonRecord;
import java.io.IOException;
import java.util.List;

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
            case Feature.Category _,Feature.Vocabulary _ -> TEXT;
            case Feature.Cross cross -> {
                List<Feature.Crossed> of = cross.crossed().stream().filter(o -> o.field().equals(field)).toList();
                yield of.stream().anyMatch(Feature.Crossed::isTime) ? TIME
                        : of.stream().allMatch(Feature.Crossed::isNumber) ? NUMBER : TEXT;
            }
            case Feature.TimePart _ -> TIME;
            case Feature.Cyclic cyclic -> cyclic.part() == null ? NUMBER : TIME;
            case Feature.Number _,Feature.Quantiles _ -> NUMBER;
            case Feature.History history ->
                field.equals(history.time()) ? TIME : field.equals(history.field()) ? NUMBER : TEXT;
            case Feature.Categories list -> list.cut() == null ? LIST : TEXT;
            case Feature.Bag bag -> bag.cut() == null ? LIST : TEXT;
            case Feature.Pixels _,Feature.Sequence _,Feature.ShiftedLabel _ -> LIST;
        };
    }

    private static void number(String cell, int field, FieldValues values) {
        String text = cell.strip();
        Number number = NumberText.of(text);
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
