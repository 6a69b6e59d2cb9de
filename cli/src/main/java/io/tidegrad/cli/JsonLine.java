package io.tidegrad.cli;

import com.fasterxml.jackson.annotation.JsonValue;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A JSON object for programs. Its text is one line and ends with a line end.
final class JsonLine {
    @JsonValue
    private final Map<String, @Nullable Object> members = new LinkedHashMap<>();

    /// @param value NaN and infinities become null, because JSON can't express them
    JsonLine put(String name, @Nullable Object value) {
        members.put(name, value instanceof Double number && !Double.isFinite(number) ? null : value);
        return this;
    }

    JsonLine putAll(Map<String, ?> others) {
        others.forEach(this::put);
        return this;
    }

    @Nullable
    Object get(String name) {
        return members.get(name);
    }

    @Override
    public String toString() {
        try {
            return new ObjectMapper().writeValueAsString(members) + System.lineSeparator();
        } catch (JsonProcessingException numbersAndTextsAlwaysWork) {
            throw new IllegalStateException(numbersAndTextsAlwaysWork);
        }
    }
}
