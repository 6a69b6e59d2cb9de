package io.tidegrad.scorerapp;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.ByteArrayBuilder;
import io.tidegrad.ops.measure.Measures;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Writes the members of a JSON object as a stream.
record JsonObject(JsonGenerator json) {
    private static final JsonFactory JSON = new JsonFactory();

    /// Returns the bytes of an object whose members `body` writes.
    static byte[] of(Consumer<JsonObject> body) {
        ByteArrayBuilder bytes = new ByteArrayBuilder();
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            body.accept(new JsonObject(json));
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /// Returns an object whose values are maps, lists, texts, bytes (as UTF-8), booleans and numbers.
    static byte[] ofTree(Map<String, ?> tree) {
        return of(json -> tree.forEach((name, value) -> json.member(name, () -> json.value(value))));
    }

    private void value(@Nullable Object value) throws IOException {
        switch (value) {
            case Map<?, ?> map -> {
                json.writeStartObject();
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    json.writeFieldName(String.valueOf(entry.getKey()));
                    value(entry.getValue());
                }
                json.writeEndObject();
            }
            case List<?> list -> {
                json.writeStartArray();
                for (Object element : list) {
                    value(element);
                }
                json.writeEndArray();
            }
            case byte[] bytes -> json.writeString(new String(bytes, StandardCharsets.UTF_8));
            case null, default -> json.writePOJO(value);
        }
    }

    private interface Writing {
        void write() throws IOException;
    }

    /// Writes one member. Memory gives no errors.
    private JsonObject member(String name, Writing value) {
        try {
            json.writeFieldName(name);
            value.write();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }

    JsonObject put(String name, String value) {
        return member(name, () -> json.writeString(value));
    }

    JsonObject put(String name, boolean value) {
        return member(name, () -> json.writeBoolean(value));
    }

    JsonObject put(String name, long value) {
        return member(name, () -> json.writeNumber(value));
    }

    JsonObject put(String name, @Nullable Long value) {
        return value == null ? member(name, json::writeNull) : put(name, value.longValue());
    }

    /// Writes null for a value that is not finite, because JSON has no NaN.
    JsonObject put(String name, double value) {
        return member(name, () -> {
            if (Double.isFinite(value)) {
                json.writeNumber(value);
            } else {
                json.writeNull();
            }
        });
    }

    /// Writes the fields of measures.
    <S> JsonObject numbers(Measures<S> measures, S state) {
        measures.write(state, (name, value) -> put(name, value == null ? null : (Long) value.longValue()));
        return this;
    }

    JsonObject put(String name, Consumer<JsonObject> body) {
        return member(name, () -> {
            json.writeStartObject();
            body.accept(this);
            json.writeEndObject();
        });
    }

    /// Writes an array of objects, one for each item.
    <T> JsonObject objects(String name, Iterable<T> items, BiConsumer<JsonObject, T> body) {
        return member(name, () -> {
            json.writeStartArray();
            for (T item : items) {
                json.writeStartObject();
                body.accept(this, item);
                json.writeEndObject();
            }
            json.writeEndArray();
        });
    }

    JsonObject strings(String name, Collection<String> strings) {
        return member(name, () -> {
            json.writeStartArray();
            for (String string : strings) {
                json.writeString(string);
            }
            json.writeEndArray();
        });
    }

    JsonObject numbers(String name, Collection<Integer> numbers) {
        return member(name, () -> {
            json.writeStartArray();
            for (int number : numbers) {
                json.writeNumber(number);
            }
            json.writeEndArray();
        });
    }

    /// @param from first index
    /// @param to index after the last one
    JsonObject floats(String name, float[] values, int from, int to) {
        return member(name, () -> write(values, from, to));
    }

    /// Writes a list of lists of `width` values each.
    JsonObject floatLists(String name, float[] values, int from, int to, int width) {
        return member(name, () -> {
            json.writeStartArray();
            for (int i = from; i < to; i += width) {
                write(values, i, i + width);
            }
            json.writeEndArray();
        });
    }

    private void write(float[] values, int from, int to) throws IOException {
        json.writeStartArray();
        for (int i = from; i < to; i++) {
            json.writeNumber(values[i]);
        }
        json.writeEndArray();
    }
}
