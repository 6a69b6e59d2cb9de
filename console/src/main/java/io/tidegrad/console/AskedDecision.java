package io.tidegrad.console;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.LogPosition;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// A decision that somebody asks the console for.
///
/// @param name for which the model is to answer; of a promotion only
/// @param back to which version and from where on; of a rollback only
record AskedDecision(String model, Action action, String author, String reason, String name,
        Decisions.@Nullable Back back) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> FIELDS =
            List.of("model", "action", "author", "reason", "for", "epoch", "version", "resume_at");
    private static final List<String> PLACES = List.of("end", "base");
    private static final int NAME_BYTES_MAX = 100;

    /// What can be decided on the page.
    enum Action {
        PAUSE, RESUME, PROMOTE, ROLLBACK;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// @param body JSON
    /// @throws IllegalArgumentException if it is no decision; says what was expected and found
    static AskedDecision parse(byte[] body) {
        JsonNode said;
        try {
            said = JSON.readTree(body);
        } catch (IOException e) {
            throw new IllegalArgumentException("expected a decision as a JSON object, found what is no JSON", e);
        }
        if (said == null || !said.isObject()) {
            throw new IllegalArgumentException("expected a decision as a JSON object, found something else");
        }
        for (Iterator<String> names = said.fieldNames(); names.hasNext();) {
            String name = names.next();
            if (!FIELDS.contains(name)) {
                throw expected("a decision's fields", String.join(", ", FIELDS), "another one");
            }
        }
        String word = text(said, "action", NAME_BYTES_MAX);
        Action action = Arrays.stream(Action.values()).filter(each -> each.word().equals(word)).findFirst()
                .orElseThrow(() -> expected("action", "pause, resume, promote or rollback", "'" + word + "'"));
        String model = text(said, "model", NAME_BYTES_MAX);
        return new AskedDecision(model, action, text(said, "author", ControlRecord.AUTHOR_BYTES_MAX),
                text(said, "reason", ControlRecord.REASON_BYTES_MAX),
                said.has("for") ? text(said, "for", NAME_BYTES_MAX) : model,
                action == Action.ROLLBACK ? back(said) : null);
    }

    private static Decisions.Back back(JsonNode said) {
        String place = said.has("resume_at") ? text(said, "resume_at", NAME_BYTES_MAX) : "end";
        if (!PLACES.contains(place)) {
            throw expected("resume_at", "end or base", "'" + place + "'");
        }
        return new Decisions.Back(OptionalInt.of(Math.toIntExact(number(said, "epoch", 1, Integer.MAX_VALUE))),
                number(said, "version", 0, Long.MAX_VALUE), place.equals("base") ? new Decisions.ResumeAt.Base()
                        : new Decisions.ResumeAt.At(new LogPosition.End()));
    }

    private static long number(JsonNode said, String field, long min, long max) {
        JsonNode value = said.path(field);
        if (!value.canConvertToLong() || !value.isIntegralNumber() || value.asLong() < min || value.asLong() > max) {
            throw expected(field, "a whole number from " + min + " to " + max,
                    value.isMissingNode() ? "none" : "something else");
        }
        return value.asLong();
    }

    /// Control characters would reach terminals of those who list decisions.
    private static String text(JsonNode said, String field, int bytesMax) {
        String value = said.path(field).textValue();
        if (value == null || value.isBlank()) {
            throw expected(field, "a text", "none");
        }
        int bytes = value.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > bytesMax) {
            throw expected(field, "at most " + bytesMax + " bytes", String.valueOf(bytes));
        }
        if (value.chars().anyMatch(Character::isISOControl)) {
            throw expected(field, "one line of text", "control characters");
        }
        return value.strip();
    }

    private static IllegalArgumentException expected(String what, String expected, String found) {
        return new IllegalArgumentException(what + ": expected " + expected + ", found " + found);
    }
}
