package io.tidegrad.scorerapp;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import io.tidegrad.schemas.JsonRecord;
import java.io.IOException;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// JSON as this server accepts it for any request: UTF-8, no name twice, bounded depth, names and numbers, and nothing
/// after the end. Anything else becomes a `bad-json` with its position.
final class StrictJson {
    private static final int MESSAGE_CHARS_MAX = 300;

    /// Control and format characters, line and paragraph separators, unpaired surrogates.
    private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]");

    private StrictJson() {}

    /// Reads the only value of a body. The parser's current token is its first one, or null if the body is empty.
    @FunctionalInterface
    interface Reader<T> {
        T read(JsonParser parser) throws IOException;
    }

    /// @throws HttpProblem `bad-json`, and whatever `reader` throws
    static <T> T read(byte[] body, int length, Reader<T> reader) {
        if (!JsonRecord.beginsAsUtf8(body, 0, length)) {
            throw new HttpProblem(ProblemReason.BAD_JSON,
                    "expected UTF-8 without a byte order mark, found something else at its first bytes");
        }
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
        return JsonRecord.STRICT.createParser(body, from, to - from);
    }

    /// `"\\ud800"` alone is JSON and no text: no event of a topic holds it.
    ///
    /// @param record position of the text's record, or `HttpProblem.NO_RECORD`
    static String wholeText(String text, int record) {
        int half = JsonRecord.halfCharacter(text);
        if (half >= 0) {
            throw new HttpProblem(ProblemReason.BAD_JSON, record,
                    "expected text, found half a character, \\u" + HexFormat.of().toHexDigits(text.charAt(half)));
        }
        return text;
    }

    static String describe(@Nullable JsonToken token) {
        return JsonRecord.describe(token);
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
        return printable(JsonRecord.said(e));
    }

    /// Returns a text of bounded length without line ends, invisible characters and unpaired surrogates, for responses
    /// and logs.
    static String printable(String text) {
        String cut = text.length() > MESSAGE_CHARS_MAX ? text.substring(0, MESSAGE_CHARS_MAX) + "…" : text;
        return UNPRINTABLE.matcher(cut).replaceAll("?");
    }
}
