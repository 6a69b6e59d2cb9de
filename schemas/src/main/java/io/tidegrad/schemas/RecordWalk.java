package io.tidegrad.schemas;

import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.util.TimePeriod;
import org.apache.avro.util.Utf8;
import org.jspecify.annotations.Nullable;

/// Finds what a [FieldPlan] asks for in a record that somebody else decoded: another deserializer, or a caller of the
/// library. Gives what [FieldReader] gives for the record's bytes. It also takes what Avro's conversions make of
/// logical types (`Instant`, `BigDecimal`, …).
public final class RecordWalk {
    private RecordWalk() {}

    /// @param plan for the record's schema
    public static void read(FieldPlan plan, IndexedRecord record, FieldSink to) {
        if (plan.root != null) {
            walk(plan.root, record.getSchema(), record, to);
        }
    }

    private static void walk(FieldNode node, Schema schema, @Nullable Object value, FieldSink to) {
        if (value == null) {
            return;
        }
        switch (schema.getType()) {
            case UNION -> union(node, schema, value, to);
            case RECORD -> {
                if (value instanceof IndexedRecord record) {
                    for (int i = 0; i < node.parts.length; i++) {
                        FieldNode part = node.parts[i];
                        if (part != null) {
                            walk(part, schema.getFields().get(i).schema(), record.get(i), to);
                        }
                    }
                }
                other(node, "a record", to);
            }
            case ARRAY -> {
                FieldNode part = node.part(0);
                if (part != null && value instanceof Collection<?> elements) {
                    each(node, part, schema.getElementType(), elements, to);
                }
                other(node, "a list", to);
            }
            case MAP -> {
                if (value instanceof Map<?, ?> map) {
                    map(node, schema.getValueType(), map, to);
                }
                other(node, "a map", to);
            }
            default -> {
                for (int path : node.ends) {
                    scalar(path, node.type, value, to);
                }
            }
        }
    }

    private static void other(FieldNode node, String description, FieldSink to) {
        for (int path : node.ends) {
            to.other(path, description);
        }
    }

    private static void union(FieldNode node, Schema schema, Object value, FieldSink to) {
        int branch = branch(schema, value);
        FieldNode part = branch < 0 ? null : node.part(branch);
        if (part != null) {
            walk(part, schema.getTypes().get(branch), value, to);
        }
    }

    /// Also for a value that a conversion made, which goes to the only branch that may be it.
    private static int branch(Schema union, Object value) {
        try {
            return GenericData.get().resolveUnion(union, value);
        } catch (RuntimeException notAsWritten) {
            int only = -1;
            for (int i = 0; i < union.getTypes().size(); i++) {
                if (union.getTypes().get(i).getLogicalType() != null) {
                    if (only >= 0) {
                        return -1;
                    }
                    only = i;
                }
            }
            return only;
        }
    }

    private static void each(FieldNode node, FieldNode part, Schema type, Collection<?> elements, FieldSink to) {
        for (int path : node.begun) {
            to.list(path);
        }
        FieldSink in = to.elements();
        for (Object element : elements) {
            for (int path : node.elements) {
                in.open(path);
            }
            walk(part, type, element, in);
            for (int path : node.elements) {
                in.close(path);
            }
        }
    }

    private static void map(FieldNode node, Schema type, Map<?, ?> map, FieldSink to) {
        for (FieldNode.Entry entry : node.entries) {
            walk(entry.value(), type, value(map, new Utf8(entry.key())), to);
        }
        FieldNode part = node.part(0);
        if (part != null) {
            Map<Utf8, @Nullable Object> byKey = new TreeMap<>();
            map.forEach((key, value) -> byKey.put(new Utf8(key.toString()), value));
            each(node, part, type, byKey.values(), to);
        }
    }

    private static @Nullable Object value(Map<?, ?> map, Utf8 key) {
        Object value = map.get(key);
        return value == null ? map.get(key.toString()) : value;
    }

    private static void scalar(int path, AvroType type, Object value, FieldSink to) {
        switch (value) {
            case Boolean flag -> to.flag(path, flag);
            case Integer number -> to.whole(path, meant(type, number));
            case Long number -> to.whole(path, meant(type, number));
            case Float number -> to.real(path, number.floatValue());
            case Double number -> to.real(path, number.doubleValue());
            case BigDecimal decimal -> FieldMeaning.decimal(path, decimal, to);
            case Utf8 text -> to.text(path, text.getBytes(), 0, text.getByteLength());
            case ByteBuffer bytes -> bytes(path, type, bytes, to);
            case GenericFixed fixed -> bytes(path, type, ByteBuffer.wrap(fixed.bytes()), to);
            case Instant time -> to.whole(path, time.toEpochMilli());
            case LocalDate date -> to.whole(path, date.toEpochDay() * FieldMeaning.DAY_MILLIS);
            case LocalDateTime time -> to.whole(path, time.toInstant(ZoneOffset.UTC).toEpochMilli());
            case LocalTime time -> to.whole(path,
                    type.type == Schema.Type.INT ? time.toNanoOfDay() / 1_000_000 : time.toNanoOfDay() / 1_000);
            case TimePeriod duration -> to.real(path, FieldMeaning.duration(duration.get(ChronoUnit.MONTHS),
                    duration.get(ChronoUnit.DAYS), duration.get(ChronoUnit.MILLIS)));
            // Strings, enum symbols, UUIDs.
            default -> to.text(path, value.toString());
        }
    }

    private static long meant(AvroType type, long value) {
        return switch (type.meaning) {
            case DAYS -> value * FieldMeaning.DAY_MILLIS;
            case MICROS -> Math.floorDiv(value, 1_000L);
            case NANOS -> Math.floorDiv(value, 1_000_000L);
            default -> value;
        };
    }

    private static void bytes(int path, AvroType type, ByteBuffer bytes, FieldSink to) {
        if (bytes.hasArray()) {
            FieldMeaning.bytes(path, type.meaning, type.scale, bytes.array(), bytes.arrayOffset() + bytes.position(),
                    bytes.remaining(), to);
        } else {
            byte[] copy = new byte[bytes.remaining()];
            bytes.get(bytes.position(), copy);
            FieldMeaning.bytes(path, type.meaning, type.scale, copy, 0, copy.length, to);
        }
    }
}
