package io.tidegrad.scorerapp;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.MapEvent;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Reads events from a request's body. A JSON object is one record, an array of objects several. Values are strings,
/// numbers, booleans, nulls, and arrays of these. They do not nest deeper, the input can't name a type, and no name may
/// occur twice.
///
/// @param passedOver which names that no feature reads are ignored instead of refused
record RecordReader(RecordFields fields, Predicate<String> passedOver) {
    /// @throws HttpProblem 400 if the body is not JSON, does not have this form or has a name that no feature reads
    List<Event> read(byte[] body, int length) {
        List<Event> events = StrictJson.read(body, length, this::records);
        if (events.isEmpty()) {
            throw new HttpProblem(ProblemReason.NO_RECORDS, "expected at least one record, found []");
        }
        return events;
    }

    private List<Event> records(JsonParser parser) throws IOException {
        List<Event> events = new ArrayList<>();
        JsonToken first = parser.currentToken();
        if (first == JsonToken.START_OBJECT) {
            events.add(record(parser, 0));
        } else if (first == JsonToken.START_ARRAY) {
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                if (parser.currentToken() != JsonToken.START_OBJECT) {
                    throw new HttpProblem(ProblemReason.NOT_A_RECORD, events.size(), "expected a JSON object, found "
                            + StrictJson.describe(parser.currentToken()) + StrictJson.at(parser));
                }
                events.add(record(parser, events.size()));
            }
        } else {
            throw new HttpProblem(ProblemReason.BAD_JSON,
                    "expected one record, {...}, or an array of records, [{...}, ...], found "
                            + StrictJson.describe(first));
        }
        return events;
    }

    private Event record(JsonParser parser, int index) throws IOException {
        Map<String, Object> values = new HashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String field = StrictJson.wholeText(parser.currentName(), index);
            boolean known = fields.isKnown(field);
            if (!known && !passedOver.test(field)) {
                throw fields.unknown(field, index);
            }
            parser.nextToken();
            if (!known) {
                parser.skipChildren();
                continue;
            }
            Object value = value(parser, field, index);
            if (value != null) {
                values.put(field, value);
            }
        }
        return new MapEvent(values);
    }

    private @Nullable Object value(JsonParser parser, String field, int index) throws IOException {
        JsonToken token = parser.currentToken();
        return switch (token) {
            case VALUE_STRING -> fields.text(StrictJson.wholeText(parser.getText(), index), field, index);
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> number(parser);
            case VALUE_TRUE -> Boolean.TRUE;
            case VALUE_FALSE -> Boolean.FALSE;
            case VALUE_NULL -> null;
            case START_ARRAY -> fields.isList(field) ? values(parser, field, index) : numbers(parser, field, index);
            default -> throw fields.wrongType(field, index, StrictJson.describe(token) + StrictJson.at(parser));
        };
    }

    /// Whole numbers that fit into a long stay whole, because categories are made of them.
    private static Number number(JsonParser parser) throws IOException {
        return switch (parser.getNumberType()) {
            case INT, LONG -> parser.getLongValue();
            default -> parser.getDoubleValue();
        };
    }

    private List<Number> numbers(JsonParser parser, String field, int index) throws IOException {
        List<Number> numbers = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (!parser.currentToken().isNumeric()) {
                throw fields.wrongType(field, index, "an array with " + StrictJson.describe(parser.currentToken())
                        + " in it" + StrictJson.at(parser));
            }
            numbers.add(number(parser));
        }
        return numbers;
    }

    /// Returns null if an element is null.
    private List<@Nullable Object> values(JsonParser parser, String field, int index) throws IOException {
        List<@Nullable Object> values = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            JsonToken token = parser.currentToken();
            values.add(switch (token) {
                case VALUE_STRING -> StrictJson.wholeText(parser.getText(), index);
                case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> number(parser);
                case VALUE_TRUE -> Boolean.TRUE;
                case VALUE_FALSE -> Boolean.FALSE;
                case VALUE_NULL -> null;
                default -> throw fields.wrongType(field, index,
                        "an array with " + StrictJson.describe(token) + " in it" + StrictJson.at(parser));
            });
        }
        return values;
    }
}
