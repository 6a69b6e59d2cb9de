package io.tidegrad.scorerapp;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.schemas.settings.NearestName;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// A request's body → events. One JSON object is one record; an array of objects is many. Values are strings, numbers,
/// booleans, nulls, and arrays of them; nothing nests deeper, no type is named by the input, no name comes twice.
final class RecordReader {
    private static final int NESTING_MAX = 4;
    private static final int NUMBER_CHARS_MAX = 64;
    private static final int NAME_CHARS_MAX = 1024;
    private static final int MESSAGE_CHARS_MAX = 300;

    /// Control and format characters, line and paragraph separators, unpaired surrogates.
    private static final Pattern UNPRINTABLE =
            Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]");

    private static final JsonFactory JSON =
            JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                    // Names are the client's: kept no longer than the request.
                    .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                    .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxNestingDepth(NESTING_MAX)
                                    .maxNumberLength(NUMBER_CHARS_MAX)
                                    .maxNameLength(NAME_CHARS_MAX)
                                    .build())
                    .build();

    private final RecordFields fields;
    private final boolean ignoreUnknown;

    RecordReader(RecordFields fields, boolean ignoreUnknown) {
        this.fields = fields;
        this.ignoreUnknown = ignoreUnknown;
    }

    /// @throws HttpProblem 400: not JSON, not of this shape, a name that no feature reads
    List<Event> read(byte[] body, int length) {
        checkEncoding(body, length);
        try (JsonParser parser = JSON.createParser(body, 0, length)) {
            List<Event> events = new ArrayList<>();
            JsonToken first = parser.nextToken();
            if (first == JsonToken.START_OBJECT) {
                events.add(record(parser, 0));
            } else if (first == JsonToken.START_ARRAY) {
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    if (parser.currentToken() != JsonToken.START_OBJECT) {
                        throw new HttpProblem(
                                ProblemReason.NOT_A_RECORD,
                                events.size(),
                                "expected a JSON object, found "
                                        + describe(parser.currentToken())
                                        + at(parser));
                    }
                    events.add(record(parser, events.size()));
                }
            } else {
                throw new HttpProblem(
                        ProblemReason.BAD_JSON,
                        "expected one record, {...}, or an array of records, [{...}, ...], found "
                                + describe(first));
            }
            if (parser.nextToken() != null) {
                throw new HttpProblem(
                        ProblemReason.BAD_JSON,
                        "expected the end, found " + describe(parser.currentToken()) + at(parser));
            }
            if (events.isEmpty()) {
                throw new HttpProblem(
                        ProblemReason.NO_RECORDS, "expected at least one record, found []");
            }
            return events;
        } catch (StreamConstraintsException e) {
            throw new HttpProblem(ProblemReason.BAD_JSON, "beyond a limit: " + clean(e) + at(e));
        } catch (JsonProcessingException e) {
            throw new HttpProblem(ProblemReason.BAD_JSON, "not JSON: " + clean(e) + at(e));
        } catch (IOException e) {
            // Bad UTF-8; reading from an array has no other input errors.
            throw new HttpProblem(
                    ProblemReason.BAD_JSON,
                    "not UTF-8: " + printable(String.valueOf(e.getMessage())));
        }
    }

    /// The parser would also take a byte order mark, UTF-16 and UTF-32, all of which show in the first bytes.
    private static void checkEncoding(byte[] body, int length) {
        int first = length > 0 ? body[0] & 0xff : 0x20;
        boolean marked = first == 0xef || first == 0xfe || first == 0xff;
        boolean wide = false;
        for (int i = 0; i < Math.min(4, length); i++) {
            wide |= body[i] == 0;
        }
        if (marked || wide) {
            throw new HttpProblem(
                    ProblemReason.BAD_JSON,
                    "expected UTF-8 without a byte order mark, found something else at its first bytes");
        }
    }

    private Event record(JsonParser parser, int index) throws IOException {
        Map<String, Object> values = new HashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String field = wholeText(parser.currentName(), index);
            boolean known = fields.isKnown(field);
            if (!known && !ignoreUnknown) {
                throw new HttpProblem(
                        ProblemReason.UNKNOWN_FIELD,
                        index,
                        "no field '" + printable(field) + "' in this model" + hint(field));
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

    private String hint(String field) {
        return NearestName.hint(field, fields.expected().keySet());
    }

    private @Nullable Object value(JsonParser parser, String field, int index) throws IOException {
        JsonToken token = parser.currentToken();
        return switch (token) {
            case VALUE_STRING -> text(wholeText(parser.getText(), index), field, index);
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> number(parser);
            case VALUE_TRUE -> Boolean.TRUE;
            case VALUE_FALSE -> Boolean.FALSE;
            case VALUE_NULL -> null;
            case START_ARRAY ->
                    fields.isList(field)
                            ? values(parser, field, index)
                            : numbers(parser, field, index);
            default -> throw wrongType(field, index, describe(token) + at(parser));
        };
    }

    /// `"\\ud800"` alone is JSON and no text: no event of a topic holds it.
    private static String wholeText(String text, int index) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                if (i + 1 == text.length() || !Character.isSurrogatePair(c, text.charAt(i + 1))) {
                    throw new HttpProblem(
                            ProblemReason.BAD_JSON,
                            index,
                            "expected text, found half a character, \\u"
                                    + HexFormat.of().toHexDigits(c));
                }
                i++;
            }
        }
        return text;
    }

    private Object text(String text, String field, int index) {
        if (fields.isTimeAndCategory(field)) {
            throw new HttpProblem(
                    ProblemReason.WRONG_TYPE,
                    index,
                    "field '"
                            + field
                            + "': a category is made of this time: expected epoch ms, as in training, found text");
        }
        if (!fields.isPixels(field)) {
            return text;
        }
        try {
            return Base64.getDecoder().decode(text);
        } catch (IllegalArgumentException notBase64) {
            throw wrongType(field, index, "text that is not base64");
        }
    }

    /// Whole numbers stay whole, as long as they fit: a category is made of them.
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
                throw wrongType(
                        field,
                        index,
                        "an array with " + describe(parser.currentToken()) + " in it" + at(parser));
            }
            numbers.add(number(parser));
        }
        return numbers;
    }

    /// Null where an element is.
    private List<@Nullable Object> values(JsonParser parser, String field, int index)
            throws IOException {
        List<@Nullable Object> values = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            JsonToken token = parser.currentToken();
            values.add(
                    switch (token) {
                        case VALUE_STRING -> wholeText(parser.getText(), index);
                        case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> number(parser);
                        case VALUE_TRUE -> Boolean.TRUE;
                        case VALUE_FALSE -> Boolean.FALSE;
                        case VALUE_NULL -> null;
                        default ->
                                throw wrongType(
                                        field,
                                        index,
                                        "an array with " + describe(token) + " in it" + at(parser));
                    });
        }
        return values;
    }

    private HttpProblem wrongType(String field, int index, String found) {
        return new HttpProblem(
                ProblemReason.WRONG_TYPE,
                index,
                "field '"
                        + field
                        + "': expected "
                        + fields.expected().get(field)
                        + ", found "
                        + found);
    }

    private static String describe(@Nullable JsonToken token) {
        return switch (token) {
            case null -> "nothing";
            case START_OBJECT -> "an object";
            case START_ARRAY -> "an array";
            case VALUE_STRING -> "a string";
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
            case VALUE_TRUE, VALUE_FALSE -> "a boolean";
            case VALUE_NULL -> "null";
            default -> token.asString() == null ? token.name() : "'" + token.asString() + "'";
        };
    }

    private static String at(JsonParser parser) {
        return at(parser.currentTokenLocation());
    }

    private static String at(JsonProcessingException e) {
        return e.getLocation() == null ? "" : at(e.getLocation());
    }

    private static String at(JsonLocation location) {
        return " (line " + location.getLineNr() + ", column " + location.getColumnNr() + ")";
    }

    private static String clean(JsonProcessingException e) {
        return printable(String.valueOf(e.getOriginalMessage()));
    }

    /// Of bounded length, and without what ends lines, hides or is half a character: it goes into answers and logs.
    static String printable(String text) {
        String cut =
                text.length() > MESSAGE_CHARS_MAX
                        ? text.substring(0, MESSAGE_CHARS_MAX) + "…"
                        : text;
        return UNPRINTABLE.matcher(cut).replaceAll("?");
    }
}
