package io.tidegrad.schemas;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.Utf8;
import org.jspecify.annotations.Nullable;

/// Random schemas of any type, records of them, and paths that lead somewhere in them, or nearly.
final class RandomEvents {
    private static final String[] NAMES = {"a", "b", "c", "d", "e"};
    private static final String[] KEYS = {"k", "l", "a b", "x.y", ""};
    private static final int DEEP_MAX = 4;

    private final Random random;
    private int types;
    private final List<Schema> records = new ArrayList<>();

    RandomEvents(long seed) {
        random = new Random(seed);
    }

    Schema schema() {
        return record(0);
    }

    private Schema record(int deep) {
        Schema record = Schema.createRecord("R" + types++, null, "test", false);
        records.add(record);
        List<Schema.Field> fields = new ArrayList<>();
        for (String name : NAMES) {
            if (random.nextInt(4) > 0) {
                fields.add(new Schema.Field(name, type(deep + 1), null, null));
            }
        }
        record.setFields(fields);
        return record;
    }

    private Schema type(int deep) {
        int kind = random.nextInt(deep < DEEP_MAX ? 10 : 5);
        return switch (kind) {
            case 5, 6 -> random.nextInt(5) == 0 ? optional(records.get(random.nextInt(records.size()))) : record(deep);
            case 7 -> Schema.createArray(type(deep + 1));
            case 8 -> Schema.createMap(type(deep + 1));
            case 9 -> union(deep);
            default -> scalar();
        };
    }

    /// Nullable, because it may be a record that this one is part of.
    private static Schema optional(Schema type) {
        return Schema.createUnion(Schema.create(Schema.Type.NULL), type);
    }

    private Schema union(int deep) {
        List<Schema> branches = new ArrayList<>();
        branches.add(Schema.create(Schema.Type.NULL));
        for (int i = random.nextInt(3); i >= 0; i--) {
            Schema branch = type(deep + 1);
            boolean fits = branch.getType() != Schema.Type.UNION
                    && branches.stream().noneMatch(other -> other.getFullName().equals(branch.getFullName()));
            if (fits) {
                branches.add(branch);
            }
        }
        return Schema.createUnion(branches);
    }

    private Schema scalar() {
        Schema fixed = Schema.createFixed("F" + types++, null, "test", 1 + random.nextInt(20));
        return switch (random.nextInt(23)) {
            case 0 -> Schema.create(Schema.Type.NULL);
            case 1 -> Schema.create(Schema.Type.BOOLEAN);
            case 2 -> Schema.create(Schema.Type.INT);
            case 3 -> Schema.create(Schema.Type.LONG);
            case 4 -> Schema.create(Schema.Type.FLOAT);
            case 5 -> Schema.create(Schema.Type.DOUBLE);
            case 6 -> Schema.create(Schema.Type.BYTES);
            case 7 -> fixed;
            case 8 -> Schema.createEnum("E" + types++, null, "test", List.of("A", "B", "C"));
            case 9 -> LogicalTypes.date().addToSchema(Schema.create(Schema.Type.INT));
            case 10 -> LogicalTypes.timestampMillis().addToSchema(Schema.create(Schema.Type.LONG));
            case 11 -> LogicalTypes.timestampMicros().addToSchema(Schema.create(Schema.Type.LONG));
            case 12 -> LogicalTypes.timestampNanos().addToSchema(Schema.create(Schema.Type.LONG));
            case 13 -> List
                    .of(LogicalTypes.localTimestampMillis(), LogicalTypes.localTimestampMicros(),
                            LogicalTypes.localTimestampNanos())
                    .get(random.nextInt(3)).addToSchema(Schema.create(Schema.Type.LONG));
            case 14 -> LogicalTypes.timeMillis().addToSchema(Schema.create(Schema.Type.INT));
            case 15 -> LogicalTypes.timeMicros().addToSchema(Schema.create(Schema.Type.LONG));
            case 16 -> LogicalTypes.decimal(40, random.nextInt(30)).addToSchema(Schema.create(Schema.Type.BYTES));
            case 17 -> LogicalTypes.decimal(2, random.nextInt(3)).addToSchema(fixed);
            case 18 -> LogicalTypes.uuid().addToSchema(Schema.createFixed("U" + types++, null, "test", 16));
            case 19 -> LogicalTypes.duration().addToSchema(Schema.createFixed("D" + types++, null, "test", 12));
            case 20 -> {
                Schema text = Schema.create(Schema.Type.STRING);
                GenericData.setStringType(text, GenericData.StringType.String);
                yield text;
            }
            case 21 -> LogicalTypes.uuid().addToSchema(Schema.create(Schema.Type.STRING));
            default -> Schema.create(Schema.Type.STRING);
        };
    }

    GenericRecord record(Schema schema) {
        return (GenericRecord) Objects.requireNonNull(value(schema, 0));
    }

    private @Nullable Object value(Schema schema, int deep) {
        return switch (schema.getType()) {
            case NULL -> null;
            case BOOLEAN -> random.nextBoolean();
            case INT -> random.nextInt() >> random.nextInt(32);
            case LONG -> random.nextLong() >> random.nextInt(64);
            case FLOAT -> random.nextFloat();
            case DOUBLE -> random.nextDouble();
            case STRING -> GenericData.StringType.String.name().equals(schema.getProp("avro.java.string")) ? text()
                    : new Utf8(text());
            case BYTES -> ByteBuffer.wrap(bytes(1 + random.nextInt(17)));
            case FIXED -> new GenericData.Fixed(schema, bytes(schema.getFixedSize()));
            case ENUM -> new GenericData.EnumSymbol(schema,
                    schema.getEnumSymbols().get(random.nextInt(schema.getEnumSymbols().size())));
            case UNION -> value(schema.getTypes().get(deep > 8 ? 0 : random.nextInt(schema.getTypes().size())), deep);
            case ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                for (int i = deep > 8 ? 0 : random.nextInt(4); i > 0; i--) {
                    list.add(value(schema.getElementType(), deep + 1));
                }
                yield list;
            }
            case MAP -> {
                Map<Utf8, @Nullable Object> map = new TreeMap<>();
                for (int i = deep > 8 ? 0 : random.nextInt(4); i > 0; i--) {
                    map.put(new Utf8(KEYS[random.nextInt(KEYS.length)]), value(schema.getValueType(), deep + 1));
                }
                yield map;
            }
            case RECORD -> {
                GenericData.Record record = new GenericData.Record(schema);
                for (Schema.Field field : schema.getFields()) {
                    record.put(field.pos(), value(field.schema(), deep + 1));
                }
                yield record;
            }
        };
    }

    private String text() {
        return new String[]{"", "x", "Zürich", "😀 and more", "JFK"}[random.nextInt(5)];
    }

    private byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    /// Follows the schema for some steps, and now and then does not.
    String path(Schema schema) {
        StringBuilder path = new StringBuilder();
        Schema at = schema;
        while (true) {
            at = at.getType() == Schema.Type.UNION && !at.getTypes().isEmpty()
                    ? at.getTypes().get(random.nextInt(at.getTypes().size())) : at;
            boolean wrong = random.nextInt(40) == 0;
            if (!path.isEmpty() && (wrong || random.nextInt(12) == 0)) {
                return path.append(wrong ? ".z" : "").toString();
            }
            switch (at.getType()) {
                case RECORD -> {
                    if (at.getFields().isEmpty()) {
                        return path.isEmpty() ? "none" : path.toString();
                    }
                    Schema.Field field = at.getFields().get(random.nextInt(at.getFields().size()));
                    path.append(path.isEmpty() ? "" : ".").append(field.name());
                    at = field.schema();
                }
                case ARRAY -> {
                    path.append("[]");
                    at = at.getElementType();
                }
                case MAP -> {
                    path.append('[').append(random.nextInt(3) == 0 ? "" : KEYS[random.nextInt(KEYS.length)])
                            .append(']');
                    at = at.getValueType();
                }
                default -> {
                    return path.toString();
                }
            }
        }
    }
}
