package io.tidegrad.schemas;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.jspecify.annotations.Nullable;

/// A type of a schema, as far as its values' bytes are concerned. It does not hold on to the schema, so that what is
/// planned for a schema can be kept for as long as that schema is used.
final class AvroType {
    /// What a value means beyond its bytes.
    enum Meaning {
        PLAIN, DAYS, MICROS, NANOS, DECIMAL, UUID, DURATION,
        /// A string whose schema asks for Java's own: bytes that are no UTF-8 are replaced as Java does.
        JAVA_STRING
    }

    private static final AvroType[] NONE = {};
    private static final String[] NO_SYMBOLS = {};

    /// Of the types that have nothing but a name, by ordinal: a schema may have thousands of such fields.
    private static final AvroType[] PLAIN = new AvroType[Schema.Type.values().length];

    static {
        for (Schema.Type type : List.of(Schema.Type.NULL, Schema.Type.BOOLEAN, Schema.Type.INT, Schema.Type.LONG,
                Schema.Type.FLOAT, Schema.Type.DOUBLE, Schema.Type.BYTES, Schema.Type.STRING)) {
            PLAIN[type.ordinal()] = new AvroType(Schema.create(type));
        }
    }

    // What a record reads by itself, without another call for each field.
    static final byte NULL = 0;
    static final byte BOOLEAN = 1;
    static final byte INT = 2;
    static final byte LONG = 3;
    static final byte FLOAT = 4;
    static final byte DOUBLE = 5;
    static final byte STRING = 6;
    static final byte UNION = 7;
    static final byte ELSE = 8;

    final byte kind;
    /// Of the fields of a record.
    byte[] kinds = {};
    final Schema.Type type;
    final Meaning meaning;
    /// Fields of a record, branches of a union, the elements of an array, the values of a map.
    AvroType[] parts = NONE;
    /// Bytes of a fixed, symbols of an enum.
    final int size;
    /// Digits behind a decimal's point.
    final int scale;
    /// Of an enum.
    final String[] symbols;
    /// What a record is charged for itself and for the fields whose memory does not depend on their bytes.
    long memory;
    /// What a value is charged whatever its bytes are; 0 where they decide.
    final int fixedMemory;
    /// Whether the keys of a map, or the string, are charged as Java's own.
    final boolean javaString;

    private AvroType(Schema schema) {
        type = schema.getType();
        meaning = meaning(schema);
        kind = meaning != Meaning.PLAIN ? ELSE : switch (type) {
            case NULL -> NULL;
            case BOOLEAN -> BOOLEAN;
            case INT -> INT;
            case LONG -> LONG;
            case FLOAT -> FLOAT;
            case DOUBLE -> DOUBLE;
            case STRING -> STRING;
            case UNION -> UNION;
            default -> ELSE;
        };
        javaString = (type == Schema.Type.STRING || type == Schema.Type.MAP)
                && "String".equals(schema.getProp(GenericData.STRING_PROP));
        symbols = type == Schema.Type.ENUM ? schema.getEnumSymbols().toArray(String[]::new) : NO_SYMBOLS;
        size = switch (type) {
            case FIXED -> schema.getFixedSize();
            case ENUM -> symbols.length;
            default -> 0;
        };
        fixedMemory = fixedMemory(type);
        scale = schema.getLogicalType() instanceof LogicalTypes.Decimal decimal ? decimal.getScale() : 0;
    }

    static Meaning meaning(Schema schema) {
        LogicalType logical = schema.getLogicalType();
        return switch (schema.getType()) {
            case INT -> logical instanceof LogicalTypes.Date ? Meaning.DAYS : Meaning.PLAIN;
            case LONG -> {
                if (logical instanceof LogicalTypes.TimestampMicros
                        || logical instanceof LogicalTypes.LocalTimestampMicros) {
                    yield Meaning.MICROS;
                }
                yield logical instanceof LogicalTypes.TimestampNanos
                        || logical instanceof LogicalTypes.LocalTimestampNanos ? Meaning.NANOS : Meaning.PLAIN;
            }
            case BYTES -> logical instanceof LogicalTypes.Decimal ? Meaning.DECIMAL : Meaning.PLAIN;
            case FIXED -> {
                if (logical instanceof LogicalTypes.Decimal) {
                    yield Meaning.DECIMAL;
                }
                if (logical instanceof LogicalTypes.Uuid) {
                    yield Meaning.UUID;
                }
                yield logical instanceof LogicalTypes.Duration ? Meaning.DURATION : Meaning.PLAIN;
            }
            case STRING ->
                "String".equals(schema.getProp(GenericData.STRING_PROP)) ? Meaning.JAVA_STRING : Meaning.PLAIN;
            default -> Meaning.PLAIN;
        };
    }

    /// The types that a schema reaches, by schema, but for those that have nothing but a name. Works with a queue: types
    /// may nest as deep as a text of a megabyte allows.
    static Map<Schema, AvroType> allOf(Schema root) {
        Map<Schema, AvroType> types = new IdentityHashMap<>();
        Deque<Schema> open = new ArrayDeque<>();
        List<Schema> found = new ArrayList<>();
        open.add(root);
        while (!open.isEmpty()) {
            Schema next = open.poll();
            if (plain(next) == null && types.putIfAbsent(next, new AvroType(next)) == null) {
                found.add(next);
                int count = count(next);
                for (int i = 0; i < count; i++) {
                    open.add(part(next, i));
                }
            }
        }
        for (Schema schema : found) {
            AvroType type = of(schema, types);
            int count = count(schema);
            if (count > 0) {
                type.parts = new AvroType[count];
                for (int i = 0; i < count; i++) {
                    type.parts[i] = of(part(schema, i), types);
                }
            }
            if (type.type == Schema.Type.RECORD) {
                type.memory = ValueReader.RECORD_BYTES + (long) BoundedDecoder.PLACE_BYTES * count;
                type.kinds = new byte[count];
                for (int i = 0; i < count; i++) {
                    type.kinds[i] = type.parts[i].kind;
                }
                for (AvroType part : type.parts) {
                    type.memory += part.fixedMemory;
                }
            }
        }
        return types;
    }

    private static @Nullable AvroType plain(Schema schema) {
        AvroType plain = PLAIN[schema.getType().ordinal()];
        return plain != null && meaning(schema) == Meaning.PLAIN ? plain : null;
    }

    static AvroType of(Schema schema, Map<Schema, AvroType> types) {
        AvroType type = plain(schema);
        return type != null ? type : Objects.requireNonNull(types.get(schema), "reached by no schema");
    }

    private static int count(Schema schema) {
        return switch (schema.getType()) {
            case RECORD -> schema.getFields().size();
            case UNION -> schema.getTypes().size();
            case ARRAY, MAP -> 1;
            default -> 0;
        };
    }

    private static Schema part(Schema schema, int index) {
        return switch (schema.getType()) {
            case RECORD -> schema.getFields().get(index).schema();
            case UNION -> schema.getTypes().get(index);
            case ARRAY -> schema.getElementType();
            default -> schema.getValueType();
        };
    }

    private static int fixedMemory(Schema.Type type) {
        return switch (type) {
            case INT, FLOAT -> ValueReader.SMALL_NUMBER_BYTES;
            case LONG, DOUBLE -> ValueReader.LARGE_NUMBER_BYTES;
            case ENUM -> ValueReader.ENUM_BYTES;
            case BYTES -> BoundedDecoder.BUFFER_BYTES;
            case NULL, BOOLEAN, STRING, FIXED, UNION, RECORD, ARRAY, MAP -> 0;
        };
    }

}
