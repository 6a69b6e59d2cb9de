package io.tidegrad.model.feature;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericEnumSymbol;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.util.WeakIdentityHashMap;
import org.jspecify.annotations.Nullable;

/// An Avro record as an event. It is reused: `event.of(record)` returns the same object. Not thread-safe. Field
/// positions are looked up once per schema. Times of any logical type become epoch milliseconds (micros and nanos
/// rounded down, dates as their midnight, local timestamps as if they were UTC); enum symbols become their names.
public final class AvroEvent implements Event {
    /// @param divisor divides the raw value to give milliseconds; if negative, its absolute value multiplies; 0 if the
    ///     field is no time
    private record Position(int index, long divisor) {
    }

    private static final Position NONE = new Position(-1, 0);

    // Weak keys: the registry client bounds the memory of schemas, which only works if nothing else keeps the schemas
    // that it drops.
    private final Map<Schema, Map<String, Position>> schemas = new WeakIdentityHashMap<>();
    private @Nullable Schema schema;
    private Map<String, Position> positions = Map.of();
    private @Nullable List<String> list; // the last list of fields, compared by identity
    private Position[] listed = {}; // positions of these fields in the present schema
    private @Nullable IndexedRecord record;

    public AvroEvent of(IndexedRecord record) {
        if (record.getSchema() != schema) {
            schema = record.getSchema();
            positions = schemas.computeIfAbsent(schema, AvroEvent::positions);
            list = null;
        }
        this.record = record;
        return this;
    }

    private static Map<String, Position> positions(Schema schema) {
        Map<String, Position> positions = new HashMap<>();
        for (Schema.Field field : schema.getFields()) {
            positions.put(field.name(), new Position(field.pos(), timeDivisor(field.schema())));
        }
        return positions;
    }

    private static long timeDivisor(Schema type) {
        if (type.getType() == Schema.Type.UNION) {
            for (Schema branch : type.getTypes()) {
                long divisor = timeDivisor(branch);
                if (divisor != 0) {
                    return divisor;
                }
            }
            return 0;
        }
        LogicalType logical = type.getLogicalType();
        if (logical instanceof LogicalTypes.TimestampMicros || logical instanceof LogicalTypes.LocalTimestampMicros) {
            return 1_000;
        }
        if (logical instanceof LogicalTypes.TimestampNanos || logical instanceof LogicalTypes.LocalTimestampNanos) {
            return 1_000_000;
        }
        return logical instanceof LogicalTypes.Date ? -86_400_000L : 0;
    }

    @Override
    public @Nullable Object get(String field) {
        return get(positions.getOrDefault(field, NONE));
    }

    /// A list that is passed again, as a Featurizer does, is looked up once per schema.
    @Override
    public void get(List<String> fields, @Nullable Object[] values) {
        if (fields != list) {
            list = fields;
            listed = new Position[fields.size()];
            Arrays.setAll(listed, i -> positions.getOrDefault(fields.get(i), NONE));
        }
        for (int i = 0; i < listed.length; i++) {
            values[i] = get(listed[i]);
        }
    }

    private @Nullable Object get(Position position) {
        IndexedRecord current = record;
        if (current == null || position.index < 0) {
            return null;
        }
        Object value = current.get(position.index);
        if (value instanceof GenericEnumSymbol<?> symbol) {
            return symbol.toString();
        }
        if (position.divisor != 0 && value instanceof Number raw) {
            return position.divisor > 0 ? Math.floorDiv(raw.longValue(), position.divisor)
                    : raw.longValue() * -position.divisor;
        }
        return value;
    }
}
