package io.tidegrad.schemas;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.tidegrad.schemas.UndecodableException.Reason;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Reads of an object in JSON what a [FieldTree] keeps: events of a topic and requests over HTTP alike. A name that
/// occurs twice in an object is refused, because programs differ in which of the two they take. Whole numbers that fit a
/// long stay whole, because categories are made of them; other numbers are doubles.
public final class JsonRecord {
    /// As deep as records of Avro may nest, and an array around them.
    public static final int NESTING_MAX = ValueReader.RECORDS_DEEP_MAX + 1;

    private static final int NUMBER_CHARS_MAX = 64;
    private static final int NAME_CHARS_MAX = 1024;

    /// UTF-8 without a name twice, bounded in depth, names and numbers.
    public static final JsonFactory STRICT = JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            // Names come from others and are kept no longer than the object.
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES).disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(NESTING_MAX)
                    .maxNumberLength(NUMBER_CHARS_MAX).maxNameLength(NAME_CHARS_MAX).build())
            .build();

    private static final Pattern SOURCE = Pattern.compile("\\[Source: [^]]*; (line: \\d+, column: \\d+)]");

    private JsonRecord() {}

    /// What becomes of what does not fit.
    public interface Policy {
        /// A name to which no path goes.
        default void unknown(String path) {}

        /// Returns what a text stands for.
        default Object text(String field, String text) {
            return text;
        }

        /// Returns a text or name, or refuses one that holds half a character.
        String whole(String text);

        /// Returns what stands for a value that can't be there.
        ///
        /// @param path of the field, or of an object on the way to one
        Object misplaced(String path, String found, JsonParser parser);

        /// Whether a list may hold what is no number.
        default boolean isListOfAny(String field) {
            return true;
        }
    }

    /// Reads the object that the parser stands at the beginning of.
    public static Map<String, Object> read(JsonParser parser, FieldTree tree, Policy policy) throws IOException {
        Map<String, Object> values = new HashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = policy.whole(parser.currentName());
            FieldTree child = tree.child(name);
            if (child == null) {
                if (!tree.isMap()) {
                    policy.unknown(tree.below(name));
                }
                parser.nextToken();
                parser.skipChildren();
                continue;
            }
            parser.nextToken();
            Object value = value(parser, child, policy);
            if (value != null) {
                values.put(name, value);
            }
        }
        return values;
    }

    private static @Nullable Object value(JsonParser parser, FieldTree tree, Policy policy) throws IOException {
        JsonToken token = parser.currentToken();
        if (token == JsonToken.VALUE_NULL) {
            return null;
        }
        String field = tree.field();
        FieldTree each = tree.each();
        if (token == JsonToken.START_OBJECT && tree.holdsObject()) {
            return read(parser, tree, policy);
        }
        if (token == JsonToken.START_ARRAY && each != null) {
            List<@Nullable Object> elements = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                elements.add(value(parser, each, policy));
            }
            return elements;
        }
        if (field == null || token == JsonToken.START_OBJECT || token == JsonToken.START_ARRAY && tree.isInList()) {
            Object misplaced = policy.misplaced(field == null ? tree.path() : field, describe(token), parser);
            parser.skipChildren();
            return misplaced;
        }
        return token == JsonToken.START_ARRAY ? elements(parser, field, policy) : scalar(parser, field, policy);
    }

    private static Object elements(JsonParser parser, String field, Policy policy) throws IOException {
        List<@Nullable Object> elements = new ArrayList<>();
        boolean any = policy.isListOfAny(field);
        Object misplaced = null;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            JsonToken token = parser.currentToken();
            if (token.isStructStart() || !any && !token.isNumeric()) {
                misplaced = policy.misplaced(field, "an array with " + describe(token) + " in it", parser);
                parser.skipChildren();
            } else {
                elements.add(token == JsonToken.VALUE_NULL ? null : token == JsonToken.VALUE_STRING
                        ? policy.whole(parser.getText()) : scalar(parser, field, policy));
            }
        }
        return misplaced == null ? elements : misplaced;
    }

    private static Object scalar(JsonParser parser, String field, Policy policy) throws IOException {
        return switch (parser.currentToken()) {
            case VALUE_STRING -> policy.text(field, policy.whole(parser.getText()));
            case VALUE_TRUE -> Boolean.TRUE;
            case VALUE_FALSE -> Boolean.FALSE;
            default -> switch (parser.getNumberType()) {
                case INT, LONG -> (Object) parser.getLongValue();
                default -> (Object) parser.getDoubleValue();
            };
        };
    }

    /// Whether text in JSON begins as UTF-8 does: the parser would also take UTF-16, UTF-32 and a byte order mark.
    public static boolean beginsAsUtf8(byte[] bytes, int from, int length) {
        int first = length > 0 ? bytes[from] & 0xff : 0x20;
        boolean utf8 = first != 0xef && first != 0xfe && first != 0xff;
        for (int i = 0; i < Math.min(4, length); i++) {
            utf8 &= bytes[from + i] != 0;
        }
        return utf8;
    }

    /// Where half a character stands: `"\\ud800"` alone is JSON and no text. -1 when there is none.
    public static int halfCharacter(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                if (i + 1 == text.length() || !Character.isSurrogatePair(c, text.charAt(i + 1))) {
                    return i;
                }
                i++;
            }
        }
        return -1;
    }

    public static String describe(@Nullable JsonToken token) {
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

    // ---- events of a topic ----

    /// Reads an event: an object in UTF-8, maybe behind the five bytes with which a registry's serializer begins.
    ///
    /// @throws UndecodableException it is no such object
    public static Map<String, Object> event(byte[] value, FieldTree tree, Policy policy) {
        int from = value.length >= AvroCodec.HEADER_BYTES && value[0] == 0 ? AvroCodec.HEADER_BYTES : 0;
        if (!beginsAsUtf8(value, from, value.length - from)) {
            throw malformed("expected an object in UTF-8 without a byte order mark, found other bytes");
        }
        try (JsonParser parser = STRICT.createParser(value, from, value.length - from)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw malformed("expected an object, found " + describe(parser.currentToken()));
            }
            Map<String, Object> event = read(parser, tree, policy);
            if (parser.nextToken() != null) {
                throw malformed("expected the end, found " + describe(parser.currentToken())
                        + at(parser.currentTokenLocation()));
            }
            return event;
        } catch (JsonProcessingException e) {
            throw malformed(printable(said(e)) + at(e.getLocation()));
        } catch (IOException badUtf8) {
            throw malformed(printable(String.valueOf(badUtf8.getMessage())));
        }
    }

    /// What the parser said, without what it says of sources.
    public static String said(JsonProcessingException e) {
        return SOURCE.matcher(String.valueOf(e.getOriginalMessage())).replaceAll("$1");
    }

    /// The refusal of an event that is no JSON.
    public static UndecodableException malformed(String what) {
        return new UndecodableException(Reason.NOT_JSON, what);
    }

    private static String at(@Nullable JsonLocation location) {
        return location == null ? "" : " (line " + location.getLineNr() + ", column " + location.getColumnNr() + ")";
    }

    private static String printable(String message) {
        return message.replaceAll("[\\p{Cntrl}\\p{Cs}]", "?");
    }
}
