package io.tidegrad.schemas;

import io.tidegrad.schemas.AvroType.Meaning;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Reads from a record's bytes what a [FieldPlan] asks for and goes past the rest. What it goes past is checked and
/// charged as if it were read, so that a value is taken or refused whatever is read of it, and as [ValueReader] does.
/// It makes no objects for numbers, booleans, times, texts and enum symbols.
final class FieldReader {
    private final BoundedDecoder in;
    private int recordsDeep;
    private int valuesDeep;

    FieldReader(BoundedDecoder in) {
        this.in = in;
    }

    void read(FieldPlan plan, FieldSink to) {
        recordsDeep = 0;
        valuesDeep = 0;
        if (plan.root == null) {
            skip(plan.record);
        } else {
            record(plan.root, to);
        }
    }

    private void read(FieldNode node, FieldSink to) {
        AvroType type = node.type;
        in.charge(type.fixedMemory());
        uncharged(node, type, to);
    }

    /// Reads a value of which the record has been charged for what does not depend on its bytes.
    private void uncharged(FieldNode node, AvroType type, FieldSink to) {
        switch (type.type) {
            case NULL :
                return;
            case BOOLEAN :
                boolean flag = in.readBoolean();
                for (int path : node.ends) {
                    to.flag(path, flag);
                }
                return;
            case INT :
                whole(node, type, in.readInt(), to);
                return;
            case LONG :
                whole(node, type, in.readLong(), to);
                return;
            case FLOAT :
                float single = in.readFloat();
                for (int path : node.ends) {
                    to.real(path, single);
                }
                return;
            case DOUBLE :
                double number = in.readDouble();
                for (int path : node.ends) {
                    to.real(path, number);
                }
                return;
            case STRING :
                text(node, in.readTextLength(type.javaString), to);
                return;
            case BYTES :
                bytes(node, type, in.readBytesLength(), to);
                return;
            case FIXED :
                in.skipFixed(type.size);
                in.charge(BoundedDecoder.FIXED_BYTES + (long) type.size);
                in.position(in.position() - type.size);
                bytes(node, type, type.size, to);
                return;
            case ENUM :
                String symbol = type.symbols[symbol(type)];
                for (int path : node.ends) {
                    to.text(path, symbol);
                }
                return;
            case UNION :
                int branch = branch(type);
                FieldNode chosen = node.part(branch);
                if (chosen == null) {
                    skip(type.parts[branch]);
                } else {
                    read(chosen, to);
                }
                return;
            case RECORD :
                record(node, to);
                return;
            case ARRAY :
                array(node, to);
                return;
            case MAP :
                map(node, to);
                return;
        }
        throw new IllegalStateException("no such type: " + type.type);
    }

    private void whole(FieldNode node, AvroType type, long value, FieldSink to) {
        long meant = switch (type.meaning) {
            case DAYS -> value * FieldMeaning.DAY_MILLIS;
            case MICROS -> Math.floorDiv(value, 1_000L);
            case NANOS -> Math.floorDiv(value, 1_000_000L);
            default -> value;
        };
        for (int path : node.ends) {
            to.whole(path, meant);
        }
    }

    private void text(FieldNode node, int length, FieldSink to) {
        int from = in.position();
        for (int path : node.ends) {
            if (node.type.javaString) {
                FieldMeaning.javaString(path, in.array(), from, length, to);
            } else {
                to.text(path, in.array(), from, length);
            }
        }
        in.position(from + length);
    }

    private void bytes(FieldNode node, AvroType type, int length, FieldSink to) {
        int from = in.position();
        if (type.meaning == Meaning.DECIMAL && (length == 0 || length > FieldMeaning.DECIMAL_BYTES_MAX)) {
            throw in.malformed(
                    "expected a decimal of 1 to " + FieldMeaning.DECIMAL_BYTES_MAX + " bytes, found " + length);
        }
        for (int path : node.ends) {
            FieldMeaning.bytes(path, type.meaning, type.scale, in.array(), from, length, to);
        }
        in.position(from + length);
    }

    private int symbol(AvroType type) {
        int index = in.readEnum();
        if (index < 0 || index >= type.symbols.length) {
            throw in.malformed("expected one of " + type.symbols.length + " enum symbols, found index " + index);
        }
        return index;
    }

    private int branch(AvroType type) {
        int index = in.readIndex();
        if (index < 0 || index >= type.parts.length) {
            throw in.malformed("expected one of " + type.parts.length + " branches of a union, found index " + index);
        }
        return index;
    }

    private void record(FieldNode node, FieldSink to) {
        enterRecord();
        AvroType type = node.type;
        in.charge(type.memory);
        @Nullable
        FieldNode[] parts = node.parts;
        AvroType[] fields = type.parts;
        for (int i = 0; i < parts.length; i++) {
            FieldNode part = parts[i];
            if (part == null) {
                skipUncharged(fields[i]);
            } else {
                uncharged(part, fields[i], to);
            }
        }
        for (int i = parts.length; i < fields.length; i++) {
            skipUncharged(fields[i]);
        }
        for (int path : node.ends) {
            to.other(path, "a record");
        }
        leaveRecord();
    }

    private void array(FieldNode node, FieldSink to) {
        FieldNode part = node.part(0);
        if (part == null) {
            skip(node.type);
        } else {
            enter();
            begin(node, to);
            in.charge(ValueReader.ARRAY_BYTES);
            for (long count = in.readArrayStart(); count > 0; count = in.arrayNext()) {
                for (long i = 0; i < count; i++) {
                    element(node, part, to);
                }
            }
            leave();
        }
        for (int path : node.ends) {
            to.other(path, "a list");
        }
    }

    private static void begin(FieldNode node, FieldSink to) {
        for (int path : node.begun) {
            to.list(path);
        }
    }

    private void element(FieldNode node, FieldNode part, FieldSink to) {
        for (int path : node.elements) {
            to.open(path);
        }
        read(part, to);
        for (int path : node.elements) {
            to.close(path);
        }
    }

    private void map(FieldNode node, FieldSink to) {
        enter();
        begin(node, to);
        in.charge(ValueReader.MAP_BYTES);
        FieldNode part = node.part(0);
        MapValues values = part == null ? null : new MapValues();
        int[][] sizes = node.sizes(to);
        AvroType ofValues = node.type.parts[0];
        for (long count = in.readMapStart(); count > 0; count = in.mapNext()) {
            for (long i = 0; i < count; i++) {
                int length = in.readTextLength(node.type.javaString);
                int key = in.position();
                in.position(key + length);
                if (values != null) {
                    values.add(key, length, in.position());
                }
                int entry = entry(node, key, length);
                if (entry < 0) {
                    skip(ofValues);
                } else {
                    node.entries[entry].undo(to, sizes[entry]);
                    read(node.entries[entry].value(), to);
                }
            }
        }
        if (values != null && part != null) {
            inOrderOfKeys(node, part, values, to);
        }
        for (int path : node.ends) {
            to.other(path, "a map");
        }
        leave();
    }

    private int entry(FieldNode node, int key, int length) {
        for (int i = 0; i < node.entries.length; i++) {
            byte[] wanted = node.entries[i].key();
            if (wanted.length == length && Arrays.equals(in.array(), key, key + length, wanted, 0, length)) {
                return i;
            }
        }
        return -1;
    }

    /// Reads the values once more, which have been checked and charged.
    private void inOrderOfKeys(FieldNode node, FieldNode part, MapValues values, FieldSink to) {
        int end = in.position();
        long left = in.left();
        long items = in.items();
        for (int value : values.inOrder(in.array())) {
            in.position(value);
            element(node, part, to);
            in.charged(left, items);
        }
        in.position(end);
    }

    // ---- what no path goes to ----

    private void skip(AvroType type) {
        in.charge(type.fixedMemory());
        skipUncharged(type);
    }

    private void skipUncharged(AvroType type) {
        switch (type.type) {
            case NULL :
                return;
            case BOOLEAN :
                in.readBoolean();
                return;
            case INT :
                in.readInt();
                return;
            case LONG :
                in.readLong();
                return;
            case FLOAT :
                in.skipFixed(Float.BYTES);
                return;
            case DOUBLE :
                in.skipFixed(Double.BYTES);
                return;
            case STRING :
                in.skipFixed(in.readTextLength(type.javaString));
                return;
            case BYTES :
                in.skipBytes();
                return;
            case FIXED :
                in.skipFixed(type.size);
                in.charge(BoundedDecoder.FIXED_BYTES + (long) type.size);
                return;
            case ENUM :
                symbol(type);
                return;
            case UNION :
                skip(type.parts[branch(type)]);
                return;
            case RECORD :
                enterRecord();
                in.charge(type.memory);
                for (AvroType field : type.parts) {
                    skipUncharged(field);
                }
                leaveRecord();
                return;
            case ARRAY :
                enter();
                in.charge(ValueReader.ARRAY_BYTES);
                for (long count = in.readArrayStart(); count > 0; count = in.arrayNext()) {
                    for (long i = 0; i < count; i++) {
                        skip(type.parts[0]);
                    }
                }
                leave();
                return;
            case MAP :
                enter();
                in.charge(ValueReader.MAP_BYTES);
                for (long count = in.readMapStart(); count > 0; count = in.mapNext()) {
                    for (long i = 0; i < count; i++) {
                        in.skipFixed(in.readTextLength(type.javaString));
                        skip(type.parts[0]);
                    }
                }
                leave();
                return;
        }
        throw new IllegalStateException("no such type: " + type.type);
    }

    private void enterRecord() {
        if (++recordsDeep > ValueReader.RECORDS_DEEP_MAX) {
            throw in.malformed("records nested deeper than " + ValueReader.RECORDS_DEEP_MAX);
        }
        enter();
    }

    private void leaveRecord() {
        leave();
        recordsDeep--;
    }

    private void enter() {
        if (++valuesDeep > ValueReader.VALUES_DEEP_MAX) {
            throw in.malformed("values nested deeper than " + ValueReader.VALUES_DEEP_MAX);
        }
    }

    private void leave() {
        valuesDeep--;
    }
}
