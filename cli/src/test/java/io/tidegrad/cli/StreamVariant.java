package io.tidegrad.cli;

import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.apache.avro.Conversions;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.jspecify.annotations.Nullable;

/// A team's events and labels, and what a stream and a model say about them. Events are maps, as a person would write
/// them in JSON; what becomes of them in Avro follows from the schema.
///
/// What is said about event `i` follows from its last digit ([#fate]), so that what must become of it follows too.
///
/// @param schemas of events, oldest first; the last events have the last one; none: they are JSON
/// @param labelSchemas likewise; null: the label is in the event
/// @param stream its spec, with `%1$s` for its name, `%2$s` for the topic of events and `%3$s` for that of labels
/// @param model what its spec says besides its name and input
/// @param event the map of an event
/// @param id of an event, as text
/// @param key of its record, by which it is partitioned
record StreamVariant(String name, int partitions, int labelPartitions, List<Schema> schemas,
        @Nullable List<Schema> labelSchemas, String subjects, String stream, String model,
        IntFunction<Map<String, Object>> event, IntFunction<String> id, IntFunction<byte @Nullable []> key,
        Labels labels) {
    static final int EVENTS = 120;
    static final long START = 1_790_000_000_000L;

    /// What is said about an event.
    enum Fate {
        NOTHING, POSITIVE, NEGATIVE, LATE, TAKEN_BACK
    }

    /// What a variant's labels look like, and what they are as text.
    ///
    /// @param value of a label; null: a tombstone
    /// @param key of its record
    /// @param negative null: a negative label is never said
    /// @param missing null: an event without a label gives no example
    /// @param retracts whether labels can be taken back
    /// @param kept whether sampling keeps an event with the common label; null: all
    /// @param weight of an event's examples, as text
    record Labels(Of value, IntFunction<byte @Nullable []> key, IntFunction<String> positive, @Nullable String negative,
            @Nullable String missing, boolean retracts, @Nullable IntFunction<Boolean> kept,
            IntFunction<String> weight) {
        interface Of {
            @Nullable
            Map<String, Object> label(int i, boolean positive, boolean withdrawn);
        }
    }

    /// @param late said hours after the event
    record Label(boolean late, byte @Nullable [] key, @Nullable Map<String, Object> value) {
    }

    static Fate fate(int i) {
        return switch (i % 10) {
            case 1, 4, 8 -> Fate.POSITIVE;
            case 2 -> Fate.NEGATIVE;
            case 6 -> Fate.LATE;
            case 9 -> Fate.TAKEN_BACK;
            default -> Fate.NOTHING;
        };
    }

    static long time(int i) {
        return START + i * 1_000L;
    }

    List<Label> said(int i) {
        byte[] key = labels.key.apply(i);
        return switch (labelSchemas == null ? Fate.NOTHING : fate(i)) {
            case NOTHING -> List.of();
            case POSITIVE -> List.of(new Label(false, key, labels.value.label(i, true, false)));
            case NEGATIVE -> labels.negative == null ? List.of()
                    : List.of(new Label(false, key, labels.value.label(i, false, false)));
            case LATE -> List.of(new Label(true, key, labels.value.label(i, true, false)));
            case TAKEN_BACK -> {
                List<Label> said = new ArrayList<>(List.of(new Label(false, key, labels.value.label(i, true, false))));
                if (labels.retracts) {
                    said.add(new Label(true, key, labels.value.label(i, true, true)));
                }
                yield said;
            }
        };
    }

    /// The examples of an event, in their order: what a person finds who joins by hand.
    List<String> examples(int i) {
        String positive = labels.positive.apply(i);
        if (labelSchemas == null) {
            return List.of(example(i, "final", positive, null));
        }
        List<String> nothing =
                labels.missing == null ? List.of() : List.of(example(i, "provisional", labels.missing, null));
        String last = labels.missing == null ? "none" : labels.missing;
        List<String> all = switch (fate(i)) {
            case NOTHING -> nothing;
            case POSITIVE -> List.of(example(i, "final", positive, null));
            case NEGATIVE -> labels.negative == null ? nothing : List.of(example(i, "final", labels.negative, null));
            case LATE -> labels.missing == null ? List.of(example(i, "final", positive, null))
                    : List.of(example(i, "provisional", labels.missing, null),
                            example(i, "correction", positive, labels.missing));
            case TAKEN_BACK ->
                labels.retracts ? List.of(example(i, "final", positive, null), example(i, "correction", last, positive))
                        : List.of(example(i, "final", positive, null));
        };
        IntFunction<Boolean> kept = labels.kept;
        return kept == null || kept.apply(i) ? all
                : all.stream().filter(each -> !each.equals(example(i, "provisional", "0", null))
                        && !each.equals(example(i, "final", "0", null))).toList();
    }

    private String example(int i, String kind, String label, @Nullable String old) {
        boolean sampled = labels.kept != null && label.equals("0") && !kind.equals("correction");
        return text(kind, label, old, sampled ? "2.0" : labels.weight.apply(i));
    }

    static String text(String kind, @Nullable String label, @Nullable String old, String weight) {
        return kind + " " + label + (old == null ? "" : " was " + old) + (weight.equals("1.0") ? "" : " x " + weight);
    }

    boolean isJson() {
        return schemas.isEmpty();
    }

    Schema schema(int i) {
        return schemas.get(i * schemas.size() / EVENTS);
    }

    Schema labelSchema(int i) {
        List<Schema> all = Objects.requireNonNull(labelSchemas);
        return all.get(i * all.size() / EVENTS);
    }

    String topic(String id) {
        return name + "-events-" + id;
    }

    String labelTopic(String id) {
        return name + "-labels-" + id;
    }

    String streamName(String id) {
        return name + "-" + id;
    }

    String modelName(String id) {
        return "model-" + name + "-" + id;
    }

    String streamYaml(String id) {
        return "stream: " + streamName(id) + "\n" + stream.formatted(streamName(id), topic(id), labelTopic(id));
    }

    String modelYaml(String id) {
        return "model: " + modelName(id) + "\ninput: { stream: " + streamName(id) + (isJson() ? ", format: json" : "")
                + " }\npublish: { every: PT0.2S }\noptimizer: { adam: { rate: 0.01 } }\n" + model;
    }

    // ---- maps to records ----

    /// In a map that stands for a record in a union: the record's name.
    static final String TYPE = "@type";

    static Map<String, Object> map(@Nullable Object... namesAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            Object value = namesAndValues[i + 1];
            if (value != null) {
                map.put((String) Objects.requireNonNull(namesAndValues[i]), value);
            }
        }
        return map;
    }

    static @Nullable Object avro(Schema schema, @Nullable Object value) {
        LogicalType logical = schema.getLogicalType();
        return switch (schema.getType()) {
            case UNION -> avro(branch(schema, value), value);
            case RECORD -> {
                GenericData.Record record = new GenericData.Record(schema);
                Map<?, ?> map = (Map<?, ?>) Objects.requireNonNull(value);
                for (Schema.Field field : schema.getFields()) {
                    Object of = map.get(field.name());
                    record.put(field.pos(), of == null && field.hasDefaultValue() && !field.schema().isNullable()
                            ? GenericData.get().getDefaultValue(field) : avro(field.schema(), of));
                }
                yield record;
            }
            case ARRAY -> ((List<?>) Objects.requireNonNull(value)).stream()
                    .map(each -> avro(schema.getElementType(), each)).toList();
            case MAP -> {
                Map<String, @Nullable Object> map = new LinkedHashMap<>();
                ((Map<?, ?>) Objects.requireNonNull(value))
                        .forEach((key, of) -> map.put((String) key, avro(schema.getValueType(), of)));
                yield map;
            }
            case ENUM -> new GenericData.EnumSymbol(schema, value);
            case BYTES -> logical instanceof LogicalTypes.Decimal decimal
                    ? new Conversions.DecimalConversion().toBytes(
                            ((BigDecimal) Objects.requireNonNull(value)).setScale(decimal.getScale()), schema, decimal)
                    : ByteBuffer.wrap((byte[]) Objects.requireNonNull(value));
            case FIXED -> fixed(schema, Objects.requireNonNull(value));
            case INT -> value instanceof Instant time ? (int) (time.toEpochMilli() / 86_400_000) : value;
            case LONG -> value instanceof Instant time ? (Object) (logical instanceof LogicalTypes.TimestampMicros
                    ? time.toEpochMilli() * 1_000 : time.toEpochMilli())
                    : Objects.requireNonNull((Number) value).longValue();
            case DOUBLE -> Objects.requireNonNull((Number) value).doubleValue();
            case FLOAT -> Objects.requireNonNull((Number) value).floatValue();
            default -> value;
        };
    }

    private static Object fixed(Schema schema, Object value) {
        if (value instanceof BigDecimal decimal) {
            LogicalTypes.Decimal of = (LogicalTypes.Decimal) schema.getLogicalType();
            return new Conversions.DecimalConversion().toFixed(decimal.setScale(of.getScale()), schema, of);
        }
        UUID uuid = UUID.fromString((String) value);
        return new GenericData.Fixed(schema, ByteBuffer.allocate(16).putLong(uuid.getMostSignificantBits())
                .putLong(uuid.getLeastSignificantBits()).array());
    }

    private static Schema branch(Schema union, @Nullable Object value) {
        Function<Schema, Boolean> fits = branch -> switch (branch.getType()) {
            case NULL -> value == null;
            case RECORD ->
                value instanceof Map<?, ?> map && (map.get(TYPE) == null || branch.getName().equals(map.get(TYPE)));
            default -> value != null;
        };
        return union.getTypes().stream().filter(fits::apply).findFirst().orElseThrow();
    }

    /// Without what only Avro needs.
    static Object plain(Object value) {
        return switch (value) {
            case Map<?, ?> map -> {
                Map<String, Object> plain = new LinkedHashMap<>();
                map.forEach((name, of) -> {
                    if (!TYPE.equals(name)) {
                        plain.put((String) name, plain(of));
                    }
                });
                yield plain;
            }
            case List<?> list -> list.stream().map(StreamVariant::plain).toList();
            case Instant time -> time.toString();
            default -> value;
        };
    }
}
