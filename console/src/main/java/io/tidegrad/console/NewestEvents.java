package io.tidegrad.console;

import io.tidegrad.control.ControlException;
import io.tidegrad.control.TopicReader;
import io.tidegrad.model.feature.BytesView;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.EventReader;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.MissingRight;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.schemas.UndecodableException;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/// Reads the newest events that a model learns, by the fields that its spec names.
///
/// @param kafka where its topic is
record NewestEvents(KafkaSettings kafka,
        RegistrySettings registry) implements BiFunction<ModelSpec, String, NewestEvents.Read> {
    /// Offsets that are looked at, and bytes, so that large events take neither minutes nor the heap.
    static final int OFFSETS_MAX = 300;
    private static final long BYTES_MAX = 16 * 1024 * 1024;

    private static final int NUMBERS_MAX = 16_384; // of a list, an image of 128 × 128 for instance
    private static final int CHARS_MAX = 2_000;

    /// Of a larger whole number a browser's number would be another one.
    private static final double WHOLE_MAX = 0x1p53;

    /// @param events values that JSON has by field, newest first; without fields that an event lacks
    /// @param problem why there are none; empty if they could be read
    record Read(List<Map<String, Object>> events, String problem) {
    }

    /// @param topic whose newest events are read
    @Override
    public Read apply(ModelSpec spec, String topic) {
        Deque<Map<String, Object>> newest = new ArrayDeque<>();
        try (RecordDecoder decoder = RecordDecoder.of(registry.client());
                TopicReader reader = new TopicReader(kafka, topic)) {
            if (!reader.exists()) { // asked where it ends, Kafka's client would wait for a minute
                return new Read(List.of(), "there is no topic " + topic);
            }
            EventReader events = new EventReader(spec);
            List<String> fields = spec.fields();
            long end = reader.end();
            long[] bytes = {0};
            reader.read(Math.max(reader.begin(), end - OFFSETS_MAX), end, record -> {
                byte[] value = record.value();
                if (value == null) {
                    return true;
                }
                bytes[0] += value.length;
                try {
                    newest.addFirst(values(events.read(decoder, topic, value), fields));
                } catch (UndecodableException deadLetter) {
                    return true;
                }
                return bytes[0] < BYTES_MAX;
            });
            return new Read(List.copyOf(newest), "");
        } catch (KafkaException | ControlException | RegistryUnavailableException e) {
            String right = MissingRight.of(e);
            return new Read(List.of(), right == null ? String.valueOf(e.getMessage()) : right);
        }
    }

    private static Map<String, Object> values(Event event, List<String> fields) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (String field : fields) {
            Object value = json(event.get(field));
            if (value != null) {
                values.put(field, value);
            }
        }
        return values;
    }

    /// Returns a copy of a value, which may be reused for the next event, or null where there is none that JSON has.
    private static @Nullable Object json(@Nullable Object value) {
        return switch (value) {
            case Number number -> number(number.doubleValue());
            case Boolean flag -> flag;
            case CharSequence text -> text.length() > CHARS_MAX ? null : text.toString();
            case Instant time -> time.toEpochMilli();
            case byte[] bytes -> numbers(bytes);
            case BytesView bytes -> numbers(bytes.copy());
            case ByteBuffer buffer -> {
                byte[] bytes = new byte[buffer.remaining()];
                buffer.duplicate().get(bytes);
                yield numbers(bytes);
            }
            case float[] numbers when numbers.length <= NUMBERS_MAX -> {
                List<Object> copy = new ArrayList<>();
                for (float number : numbers) {
                    copy.add((double) number);
                }
                yield copy;
            }
            case List<?> list when list.size() <= NUMBERS_MAX -> {
                List<@Nullable Object> copy = new ArrayList<>();
                for (Object element : list) {
                    copy.add(json(element));
                }
                yield copy;
            }
            case null, default -> null;
        };
    }

    private static @Nullable Object number(double value) {
        return value == Math.rint(value) && Math.abs(value) < WHOLE_MAX ? (Object) (long) value
                : Double.isFinite(value) ? value : null;
    }

    private static @Nullable Object numbers(byte[] bytes) {
        if (bytes.length > NUMBERS_MAX) {
            return null;
        }
        List<Integer> numbers = new ArrayList<>();
        for (byte each : bytes) {
            numbers.add(Byte.toUnsignedInt(each));
        }
        return numbers;
    }
}
