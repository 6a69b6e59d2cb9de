package io.tidegrad.model.feature;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.jspecify.annotations.Nullable;

/// Writes an event that came as JSON or tensors by a schema of Avro, so that its features are those that were scored.
/// What the schema has and the event lacks becomes null where the schema allows it, else the schema's default. What the
/// schema lacks is left out. Not thread-safe.
///
/// Values are understood as in a request: a time is ISO-8601 text or epoch milliseconds, whatever unit the schema counts
/// in, unless the spec says what numbers of the field count: then text becomes as many of these, rounded down to whole ones. A
/// whole number or a boolean where the schema has text becomes the text that a category would be made of.
public final class EventEncoder {
    /// As deep as JSON may nest in a request. A schema that contains itself may say more.
    private static final int DEEP_MAX = 64;

    /// Of a text: more than any decimal has.
    private static final int DECIMAL_LENGTH_MAX = 1_000;

    private static final long DAY_MILLIS = 86_400_000L;

    private final Schema schema;
    private final int schemaId;
    private final AvroCodec codec = new AvroCodec(new InMemorySchemaRegistry());
    private Predicate<String> isBase64 = field -> false; // of the event that is written
    private Function<String, TimeUnit> timeUnit = field -> TimeUnit.MILLISECONDS; // likewise

    /// The event can't be written by the schema; the message says where, what was expected and what was found.
    public static final class UnwritableException extends Exception {
        private UnwritableException(String message) {
            super(message, null, false, false); // a topic full of them must not cost more
        }
    }

    /// @param schema of a record
    public EventEncoder(int schemaId, Schema schema) {
        if (schema.getType() != Schema.Type.RECORD) {
            throw new IllegalArgumentException(
                    "schema id " + schemaId + ": expected a record, found " + schema.getType().getName());
        }
        this.schemaId = schemaId;
        this.schema = schema;
    }

    /// Returns the event in Confluent's wire format.
    ///
    /// @param event objects are maps, arrays are lists; others are texts, bytes, booleans and numbers
    /// @param isBase64 whether text in the field of this path stands for bytes in base64; else it is its own bytes
    /// @param timeUnit what a number in the field of this path counts, if it is a time
    public byte[] encode(Map<String, ?> event, Predicate<String> isBase64, Function<String, TimeUnit> timeUnit)
            throws UnwritableException {
        this.isBase64 = isBase64;
        this.timeUnit = timeUnit;
        return codec.encode(schemaId, record("", schema, event, 0));
    }

    private GenericRecord record(String path, Schema schema, Map<?, ?> from, int depth) throws UnwritableException {
        GenericRecord record = new GenericData.Record(schema);
        for (Schema.Field field : schema.getFields()) {
            Object value = from.get(field.name());
            for (String alias : field.aliases()) {
                value = value == null ? from.get(alias) : value;
            }
            String child = path.isEmpty() ? field.name() : path + '.' + field.name();
            record.put(field.pos(),
                    value == null ? absent(child, field) : datum(child, field.schema(), value, depth + 1));
        }
        return record;
    }

    private static @Nullable Object absent(String path, Schema.Field field) throws UnwritableException {
        if (field.schema().isNullable()) {
            return null; // a default would be a value that was not scored
        }
        if (field.hasDefaultValue()) {
            return GenericData.get().getDefaultValue(field);
        }
        throw wrong(path, "a value, for the schema has no default", null);
    }

    private @Nullable Object datum(String path, Schema schema, @Nullable Object given, int depth)
            throws UnwritableException {
        Object value = given instanceof byte[] bytes && !isBase64.test(path) ? textOr(bytes) : given;
        if (depth > DEEP_MAX) {
            throw wrong(path, "at most " + DEEP_MAX + " levels", value);
        }
        if (value == null && schema.isNullable()) {
            return null;
        }
        return switch (schema.getType()) {
            case RECORD -> record(path, schema, ofType(path, "an object", Map.class, value), depth);
            case MAP -> map(path, schema, ofType(path, "an object", Map.class, value), depth);
            case ARRAY -> array(path, schema, ofType(path, "a list", List.class, value), depth);
            case UNION -> branch(path, schema, value, depth);
            case ENUM -> symbol(path, schema, value);
            case STRING -> text(path, value);
            case BYTES -> schema.getLogicalType() instanceof LogicalTypes.Decimal decimal
                    ? ByteBuffer.wrap(unscaled(path, decimal, value).toByteArray())
                    : ByteBuffer.wrap(bytes(path, value));
            case FIXED -> new GenericData.Fixed(schema, fixed(path, schema, value));
            case INT -> (int) whole(path, value, schema.getLogicalType(), Integer.MIN_VALUE, Integer.MAX_VALUE);
            case LONG -> whole(path, value, schema.getLogicalType(), Long.MIN_VALUE, Long.MAX_VALUE);
            case FLOAT -> (float) number(path, value);
            case DOUBLE -> number(path, value);
            case BOOLEAN -> ofType(path, "true or false", Boolean.class, value);
            case NULL -> throw wrong(path, "null", value);
        };
    }

    /// Tensors have texts as bytes.
    private static Object textOr(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException noText) {
            return bytes;
        }
    }

    private static <T> T ofType(String path, String expected, Class<T> type, @Nullable Object value)
            throws UnwritableException {
        if (type.isInstance(value)) {
            return type.cast(value);
        }
        throw wrong(path, expected, value);
    }

    private Map<String, @Nullable Object> map(String path, Schema schema, Map<?, ?> from, int depth)
            throws UnwritableException {
        Map<String, @Nullable Object> map = new HashMap<>();
        for (Map.Entry<?, ?> entry : from.entrySet()) {
            map.put(String.valueOf(entry.getKey()),
                    datum(path + '[' + entry.getKey() + ']', schema.getValueType(), entry.getValue(), depth + 1));
        }
        return map;
    }

    private List<@Nullable Object> array(String path, Schema schema, List<?> from, int depth)
            throws UnwritableException {
        List<@Nullable Object> array = new ArrayList<>(from.size());
        for (Object element : from) {
            array.add(datum(path + "[]", schema.getElementType(), element, depth + 1));
        }
        return array;
    }

    /// The first branch that can hold the value; that of its own type before one that it would have to become.
    private @Nullable Object branch(String path, Schema union, @Nullable Object value, int depth)
            throws UnwritableException {
        UnwritableException last = null;
        for (boolean ownType : new boolean[]{true, false}) {
            for (Schema branch : union.getTypes()) {
                if (branch.getType() == Schema.Type.NULL || isOwnType(branch, value) != ownType) {
                    continue;
                }
                try {
                    return datum(path, branch, value, depth + 1);
                } catch (UnwritableException notThis) {
                    last = notThis;
                }
            }
        }
        throw last == null || union.getTypes().size() > 2 ? wrong(path, "one of " + names(union), value) : last;
    }

    private static boolean isOwnType(Schema branch, @Nullable Object value) {
        return switch (branch.getType()) {
            case STRING -> value instanceof String && branch.getLogicalType() == null;
            case ENUM -> value instanceof String text && branch.hasEnumSymbol(text);
            case INT, LONG -> value instanceof Long;
            case FLOAT, DOUBLE -> value instanceof Double;
            case BOOLEAN, RECORD, MAP, ARRAY -> true; // nothing else becomes one
            case BYTES, FIXED -> value instanceof byte[];
            case UNION, NULL -> false;
        };
    }

    private static List<String> names(Schema union) {
        return union.getTypes().stream().map(Schema::getFullName).toList();
    }

    private static GenericData.EnumSymbol symbol(String path, Schema schema, @Nullable Object value)
            throws UnwritableException {
        String text = text(path, value);
        if (!schema.hasEnumSymbol(text)) {
            throw wrong(path, "one of " + schema.getEnumSymbols(), value);
        }
        return new GenericData.EnumSymbol(schema, text);
    }

    private static String text(String path, @Nullable Object value) throws UnwritableException {
        return switch (value) {
            case String text -> text;
            case Long number -> number.toString();
            case Boolean flag -> flag.toString();
            case null, default -> throw wrong(path, "a text", value);
        };
    }

    private byte[] bytes(String path, @Nullable Object value) throws UnwritableException {
        switch (value) {
            case byte[] bytes -> {
                return bytes;
            }
            case String text when isBase64.test(path) -> {
                try {
                    return Base64.getDecoder().decode(text);
                } catch (IllegalArgumentException notBase64) {
                    throw wrong(path, "base64", value);
                }
            }
            case String text -> {
                return text.getBytes(StandardCharsets.UTF_8);
            }
            case List<?> numbers -> {
                byte[] bytes = new byte[numbers.size()];
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] = (byte) whole(path + "[]", numbers.get(i), null, 0, 255);
                }
                return bytes;
            }
            case null, default -> throw wrong(path, "bytes", value);
        }
    }

    private byte[] fixed(String path, Schema schema, @Nullable Object value) throws UnwritableException {
        byte[] bytes = switch (schema.getLogicalType()) {
            case LogicalTypes.Decimal decimal -> extended(unscaled(path, decimal, value), schema.getFixedSize());
            case LogicalTypes.Duration _ when value instanceof Number -> duration(path, value);
            case LogicalTypes.Uuid _ when value instanceof String text -> uuid(path, text);
            case null, default -> bytes(path, value);
        };
        if (bytes.length != schema.getFixedSize()) {
            throw wrong(path, schema.getFixedSize() + " bytes", value);
        }
        return bytes;
    }

    /// Days and milliseconds: months differ in length.
    private byte[] duration(String path, Object value) throws UnwritableException {
        long millis = whole(path, value, null, 0, DAY_MILLIS * Integer.MAX_VALUE);
        return ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).putInt(0).putInt((int) (millis / DAY_MILLIS))
                .putInt((int) (millis % DAY_MILLIS)).array();
    }

    private static byte[] uuid(String path, String text) throws UnwritableException {
        try {
            UUID uuid = UUID.fromString(text);
            return ByteBuffer.allocate(16).putLong(uuid.getMostSignificantBits())
                    .putLong(uuid.getLeastSignificantBits()).array();
        } catch (IllegalArgumentException notOne) {
            throw wrong(path, "a UUID", text);
        }
    }

    /// In as many bytes as there are, with its sign in front; longer if they are too few.
    private static byte[] extended(BigInteger number, int length) {
        byte[] shortest = number.toByteArray();
        if (shortest.length >= length) {
            return shortest;
        }
        byte[] bytes = new byte[length];
        int from = length - shortest.length;
        Arrays.fill(bytes, 0, from, (byte) (number.signum() < 0 ? -1 : 0));
        System.arraycopy(shortest, 0, bytes, from, shortest.length);
        return bytes;
    }

    private static BigInteger unscaled(String path, LogicalTypes.Decimal type, @Nullable Object value)
            throws UnwritableException {
        try {
            BigDecimal decimal = switch (value) {
                case Long number -> BigDecimal.valueOf(number);
                case Double number -> BigDecimal.valueOf(number);
                case String text when text.length() <= DECIMAL_LENGTH_MAX -> new BigDecimal(text);
                case String _ -> throw new NumberFormatException();
                case null, default -> throw wrong(path, "a number", value);
            };
            decimal = decimal.signum() == 0 ? BigDecimal.ZERO : decimal.stripTrailingZeros();
            // Compared first: with its scale, 1E999999999 would be a number of a gigabyte.
            long digits = (long) decimal.precision() - decimal.scale() + type.getScale();
            if (decimal.scale() <= type.getScale() && digits <= type.getPrecision()) {
                return decimal.setScale(type.getScale()).unscaledValue();
            }
        } catch (NumberFormatException notOne) {
            // It is refused below.
        }
        throw wrong(path, "a decimal of at most " + type.getPrecision() + " digits, " + type.getScale()
                + " of them behind the point", value);
    }

    private static double number(String path, @Nullable Object value) throws UnwritableException {
        return switch (value) {
            case Long number -> number;
            case Double number -> number;
            case Boolean flag -> flag ? 1 : 0;
            case null, default -> throw wrong(path, "a number", value);
        };
    }

    private long whole(String path, @Nullable Object value, @Nullable LogicalType type, long min, long max)
            throws UnwritableException {
        long number = switch (value) {
            case Long whole -> whole;
            case Double real when real == Math.rint(real) && Math.abs(real) < 0x1p53 -> (long) (double) real;
            case Boolean flag when type == null -> flag ? 1 : 0;
            case String text when type == null -> counted(timeUnit.apply(path), millis(path, text));
            case String text -> millis(path, text);
            case null, default -> throw wrong(path, "a whole number", value);
        };
        try {
            number = switch (type) {
                case LogicalTypes.Date _ -> Math.floorDiv(number, DAY_MILLIS);
                case LogicalTypes.TimestampMicros _,LogicalTypes.LocalTimestampMicros _ ->
                    Math.multiplyExact(number, 1_000L);
                case LogicalTypes.TimestampNanos _,LogicalTypes.LocalTimestampNanos _ ->
                    Math.multiplyExact(number, 1_000_000L);
                case null, default -> number;
            };
            if (number >= min && number <= max) {
                return number;
            }
        } catch (ArithmeticException tooLarge) {
            // It is refused below.
        }
        throw wrong(path, "a number that the schema's type can hold", value);
    }

    private static long counted(TimeUnit unit, long millis) {
        return unit == TimeUnit.SECONDS ? Math.floorDiv(millis, 1_000L) : unit.convert(millis, TimeUnit.MILLISECONDS);
    }

    private static long millis(String path, String text) throws UnwritableException {
        try {
            return Values.time(path, text);
        } catch (RejectedException notATime) {
            throw wrong(path, "a whole number, or a time", text);
        }
    }

    private static UnwritableException wrong(String path, String expected, @Nullable Object found) {
        return new UnwritableException(
                "field '" + path + "': expected " + expected + ", found " + Values.describe(found));
    }
}
