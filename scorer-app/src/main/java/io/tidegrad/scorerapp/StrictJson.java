package io.tidegrad.scorerapp;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import java.io.IOException;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// JSON as this server accepts it for any request: UTF-8, no name twice, bounded depth, names and numbers, and nothing
/// after the end. Anything else becomes a `bad-json` with its position.
final class StrictJson {
    /// A tensor of four dimensions, nested in its request, has depth seven.
    private static final int NESTING_MAX = 8;

    private static final int NUMBER_CHARS_MAX = 64;
    private static final int NAME_CHARS_MAX = 1024;
    private static final int MESSAGE_CHARS_MAX = 300;

    /// Control and format characters, line and paragraph separators, unpaired surrogates.
    private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]");

    private static final JsonFactory JSON = JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            // Names come from clients and are kept no longer than the request.
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES).disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(NESTING_MAX)
                    .maxNumberLength(NUMBER_CHARS_MAX).maxNameLength(NAME_CHARS_MAX).build())
            .build();

    private StrictJson() {}

    /// Reads the only value of a body. The parser's current token is its first one, or null if the body is empty.
    @FunctionalInterface
    interface Reader<T> {
        T read(JsonParser parser) throws IOException;
    }

    /// @throws HttpProblem `bad-json`, and whatever `reader` throws
    static <T> T read(byte[] body, int length, Reader<T> reader) {
        checkEncoding(body, length);
        try (JsonParser parser = parser(body, 0, length)) {
            parser.nextToken();
            T value = reader.read(parser);
            if (parser.nextToken() != null) {
                throw new HttpProblem(ProblemReason.BAD_JSON,
                        "expected the end, found " + describe(parser.currentToken()) + at(parser));
            }
            return value;
        } catch (StreamConstraintsException e) {
            throw new HttpProblem(ProblemReason.BAD_JSON, "beyond a limit: " + clean(e) + at(e));
        } catch (JsonProcessingException e) {
            throw new HttpProblem(ProblemReason.BAD_JSON, "not JSON: " + clean(e) + at(e));
        } catch (IOException e) {
            // This is bad UTF-8: reading from an array gives no other input errors.
            throw new HttpProblem(ProblemReason.BAD_JSON, "not UTF-8: " + printable(String.valueOf(e.getMessage())));
        }
    }

    /// Returns a parser for a `Reader` that returns to an earlier position.
    static JsonParser parser(byte[] body, int from, int to) throws IOException {
        return JSON.createParser(body, from, to - from);
    }

    /// Checks the first bytes, because the parser would also accept a byte order mark, UTF-16 and UTF-32.
    private static void checkEncoding(byte[] body, int length) {
        int first = length > 0 ? body[0] & 0xff : 0x20;
        boolean marked = first == 0xef || first == 0xfe || first == 0xff;
        boolean wide = false;
        for (int i = 0; i < Math.min(4, length); i++) {
            wide |= body[i] == 0;
        }
        if (marked || wide) {
            throw new HttpProblem(ProblemReason.BAD_JSON,
                    "expected UTF-8 without a byte order mark, found something else at its first bytes");
        }
    }

    /// `"\\ud800"` alone is JSON and no text: no event of a topic holds it.
    ///
    /// @param record position of the text's record, or `HttpProblem.NO_RECORD`
    static String wholeText(String text, int record) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                if (i + 1 == text.length() || !Character.isSurrogatePair(c, text.charAt(i + 1))) {
                    throw new HttpProblem(ProblemReason.BAD_JSON, record,
                            "expected text, found half a character, \\u" + HexFormat.of().toHexDigits(c));
                }
                i++;
            }
        }
        return text;
    }

    static String describe(@Nullable JsonToken token) {
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

    static String at(JsonParser parser) {
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

    /// Returns a text of bounded length without line ends, invisible characters and unpaired surrogates, for responses
    /// and logs.
    static String printable(String text) {
        String cut = text.length() > MESSAGE_CHARS_MAX ? text.substring(0, MESSAGE_CHARS_MAX) + "…" : text;
        return UNPRINTABLE.matcher(cut).replaceAll("?");
    }
}
