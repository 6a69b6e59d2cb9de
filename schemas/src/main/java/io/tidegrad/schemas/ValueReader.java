package io.tidegrad.schemas;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.jspecify.annotations.Nullable;

/// Reads a record by the schema that it was written with, and gives the objects that Avro's `GenericDatumReader` would.
///
/// Avro's own reader can't be given a budget. Before it reads a value it builds a grammar from the two schemas, in
/// which every nested record is written out: 27 records of two fields each, every field of the previous type, take 2^27
/// symbols, and that much memory before the first byte is looked at. It also makes a fixed of the schema's size before
/// it looks whether the value has that many bytes. Where writer and reader have one schema no grammar is needed. This
/// class follows the schema itself, and asks the decoder's budget before it makes an object.
final class ValueReader {
    // Sizes in bytes, of a JVM with compressed references, rounded up.
    static final int RECORD_BYTES = 48; // the record, and the header of its array
    static final int ARRAY_BYTES = 56;
    static final int MAP_BYTES = 144; // with the 16 places that the first entry asks for
    static final int ENUM_BYTES = 24;
    static final int SMALL_NUMBER_BYTES = 16;
    static final int LARGE_NUMBER_BYTES = 24;

    // A schema may refer to itself, so that the value decides how deep its records nest. Far more
    // than events have, far less than a stack; a fixed number, because the depth at which a JVM
    // gives up differs from run to run.
    static final int RECORDS_DEEP_MAX = 64;

    // Records with the arrays and maps between them: a tree whose nodes list their children takes
    // two for every record.
    static final int VALUES_DEEP_MAX = 256;

    private final BoundedDecoder in;
    private final GenericData data = new GenericData();
    private boolean choosesStringClass;
    private int recordsDeep;
    private int valuesDeep;

    ValueReader(BoundedDecoder in) {
        this.in = in;
    }

    /// @param choosesStringClass whether the schema says anywhere which class a string is to be; few do, and asking
    ///     each string's schema takes half of the time of reading one
    GenericRecord read(Schema schema, boolean choosesStringClass) {
        this.choosesStringClass = choosesStringClass;
        recordsDeep = 0;
        valuesDeep = 0;
        return record(schema);
    }

    private @Nullable Object value(Schema schema) {
        switch (schema.getType()) {
            case NULL :
                return null;
            case BOOLEAN :
                return in.readBoolean();
            case INT :
                in.charge(SMALL_NUMBER_BYTES);
                return in.readInt();
            case LONG :
                in.charge(LARGE_NUMBER_BYTES);
                return in.readLong();
            case FLOAT :
                in.charge(SMALL_NUMBER_BYTES);
                return in.readFloat();
            case DOUBLE :
                in.charge(LARGE_NUMBER_BYTES);
                return in.readDouble();
            case STRING :
                return string(schema);
            case BYTES :
                return in.readView();
            case FIXED :
                return new GenericData.Fixed(schema, in.readFixed(schema.getFixedSize()));
            case ENUM :
                return symbol(schema);
            case UNION :
                return value(branch(schema.getTypes()));
            case RECORD :
                return record(schema);
            case ARRAY :
                return array(schema);
            case MAP :
                return map(schema);
        }
        throw new IllegalStateException("no such type: " + schema.getType());
    }

    private Object string(Schema schema) {
        return choosesStringClass && "String".equals(schema.getProp(GenericData.STRING_PROP)) ? in.readString()
                : in.readUtf8();
    }

    private Object symbol(Schema schema) {
        List<String> symbols = schema.getEnumSymbols();
        int index = in.readEnum();
        if (index < 0 || index >= symbols.size()) {
            throw in.malformed("expected one of " + symbols.size() + " enum symbols, found index " + index);
        }
        in.charge(ENUM_BYTES);
        return new GenericData.EnumSymbol(schema, symbols.get(index));
    }

    private Schema branch(List<Schema> branches) {
        int index = in.readIndex();
        if (index < 0 || index >= branches.size()) {
            throw in.malformed("expected one of " + branches.size() + " branches of a union, found index " + index);
        }
        return branches.get(index);
    }

    private GenericRecord record(Schema schema) {
        if (++recordsDeep > RECORDS_DEEP_MAX) {
            throw in.malformed("records nested deeper than " + RECORDS_DEEP_MAX);
        }
        enter();
        List<Schema.Field> fields = schema.getFields();
        int count = fields.size();
        in.charge(RECORD_BYTES + (long) BoundedDecoder.PLACE_BYTES * count);
        GenericData.Record record = new GenericData.Record(schema);
        for (int i = 0; i < count; i++) {
            record.put(i, value(fields.get(i).schema()));
        }
        leave();
        recordsDeep--;
        return record;
    }

    @SuppressWarnings("unchecked") // GenericData makes a collection of whatever the items are.
    private Object array(Schema schema) {
        enter();
        Schema items = schema.getElementType();
        in.charge(ARRAY_BYTES);
        long count = in.readArrayStart();
        Collection<@Nullable Object> array = (Collection<@Nullable Object>) data.newArray(null, (int) count, schema);
        while (count > 0) {
            for (long i = 0; i < count; i++) {
                array.add(value(items));
            }
            count = in.arrayNext();
        }
        leave();
        return array;
    }

    @SuppressWarnings("unchecked") // GenericData makes a map of whatever the values are.
    private Object map(Schema schema) {
        enter();
        Schema values = schema.getValueType();
        in.charge(MAP_BYTES);
        long count = in.readMapStart();
        Map<Object, @Nullable Object> map = (Map<Object, @Nullable Object>) data.newMap(null, (int) count);
        while (count > 0) {
            for (long i = 0; i < count; i++) {
                Object key = string(schema);
                map.put(key, value(values));
            }
            count = in.mapNext();
        }
        leave();
        return map;
    }

    private void enter() {
        if (++valuesDeep > VALUES_DEEP_MAX) {
            throw in.malformed("values nested deeper than " + VALUES_DEEP_MAX);
        }
    }

    private void leave() {
        valuesDeep--;
    }
}
