package io.tidegrad.scorerapp;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tidegrad.schemas.FieldPath;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A request's records as events for the log: all that the client sent, whether or not a feature reads it. They have been
/// scored, so they are well-formed.
sealed interface LoggedEvents {
    /// About how much memory they hold.
    int bytes();

    /// Returns the events: objects are maps, arrays are lists.
    List<Map<String, @Nullable Object>> trees();

    /// Returns each event as an object in JSON.
    List<byte[]> json();

    /// Records in JSON: an object, or an array of objects.
    record Json(byte[] body) implements LoggedEvents {
        @Override
        public int bytes() {
            return body.length;
        }

        private interface Reading<T> {
            T read(JsonParser parser) throws IOException;
        }

        /// The parser stands at the beginning of an event, and has to stand at its end afterwards.
        private <T> List<T> each(Reading<T> reading) {
            List<T> events = new ArrayList<>();
            try (JsonParser parser = StrictJson.parser(body, 0, body.length)) {
                if (parser.nextToken() == JsonToken.START_OBJECT) {
                    events.add(reading.read(parser));
                } else {
                    while (parser.nextToken() != JsonToken.END_ARRAY) {
                        events.add(reading.read(parser));
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return events;
        }

        @Override
        public List<byte[]> json() {
            return each(parser -> {
                int from = (int) parser.currentTokenLocation().getByteOffset();
                parser.skipChildren();
                return Arrays.copyOfRange(body, from, (int) parser.currentLocation().getByteOffset());
            });
        }

        @Override
        public List<Map<String, @Nullable Object>> trees() {
            return each(Json::object);
        }

        private static Map<String, @Nullable Object> object(JsonParser parser) throws IOException {
            Map<String, @Nullable Object> object = new HashMap<>();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                object.put(name, value(parser));
            }
            return object;
        }

        private static @Nullable Object value(JsonParser parser) throws IOException {
            return switch (parser.currentToken()) {
                case START_OBJECT -> object(parser);
                case START_ARRAY -> {
                    List<@Nullable Object> list = new ArrayList<>();
                    while (parser.nextToken() != JsonToken.END_ARRAY) {
                        list.add(value(parser));
                    }
                    yield list;
                }
                case VALUE_STRING -> parser.getText();
                case VALUE_TRUE -> true;
                case VALUE_FALSE -> false;
                case VALUE_NULL -> null;
                default -> switch (parser.getNumberType()) {
                    case INT, LONG -> (Object) parser.getLongValue();
                    default -> (Object) parser.getDoubleValue();
                };
            };
        }
    }

    /// Records as tensors, whose names are paths.
    ///
    /// @param sent bytes of the request
    record Tensors(List<Tensor> inputs, int sent) implements LoggedEvents {
        /// A box and a reference for each number.
        private static final int VALUE_BYTES = 24;

        @Override
        public int bytes() {
            return sent + VALUE_BYTES * inputs.stream().mapToInt(each -> each.values().size()).sum();
        }

        @Override
        public List<Map<String, @Nullable Object>> trees() {
            int records = inputs.getFirst().shape().records();
            List<Map<String, @Nullable Object>> events = new ArrayList<>(records);
            for (int record = 0; record < records; record++) {
                Map<String, @Nullable Object> event = new HashMap<>();
                for (Tensor input : inputs) {
                    FieldPath.parsedOrName(input.name()).put(event, value(input, record));
                }
                events.add(event);
            }
            return events;
        }

        private static Object value(Tensor input, int record) {
            int width = input.shape().width();
            if (input.shape().dimensions().size() == 1) {
                return plain(input.values().get(record));
            }
            return input.values().subList(record * width, (record + 1) * width).stream().map(Tensors::plain).toList();
        }

        /// As JSON has it: other readers know no floats.
        private static Object plain(Object value) {
            return value instanceof Float number ? (Object) (double) number : value;
        }

        @Override
        public List<byte[]> json() {
            return trees().stream().map(JsonObject::ofTree).toList();
        }
    }
}
