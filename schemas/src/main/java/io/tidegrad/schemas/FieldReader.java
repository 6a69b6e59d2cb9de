package io.tidegrad.schemas;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Reads from a record's bytes what a [FieldPlan] asks for and goes past the rest. What it goes past is checked and
/// charged as if it were read, so that a value is taken or refused whatever is read of it, and as [ValueReader] does.
/// It makes no objects for numbers, booleans, times, texts and enum symbols.
final class FieldReader {
    static final String A_RECORD = "a record";

    private final BoundedDecoder in;
    private int recordsDeep;
    private int valuesDeep;

    FieldReader(BoundedDecoder in) {
        this.in = in;
    }

    void read(FieldPlan plan, FieldSink to) {
        FieldProgram program = plan.program;
        if (program != null && isRead(program, to)) {
            return;
        }
        recordsDeep = 0;
        valuesDeep = 0;
        record(plan.root, plan.record, to);
    }

    /// Whether the program could read the value. Where it could not, all is as before, and the plan decides what becomes
    /// of the value, and finds the words. What the program gave to the sink by then, the plan gives it once more.
    boolean isRead(FieldProgram program, FieldSink to) {
        int begin = in.position();
        long left = in.left();
        long items = in.items();
        try {
            in.charge(program.memory(in.remainingBytes()));
            FieldCode code = program.asCode();
            int end = code == null ? run(program, to) : code.run(this, program.refs, in.array(), in.position(), to);
            if (end >= 0) {
                in.position(end);
                return true;
            }
        } catch (UndecodableException _) {
            // The plan will say so, or find that only the program's estimate of the memory was too high.
        }
        in.position(begin);
        in.charged(left, items);
        return false;
    }

    /// Returns where the record ends, or a negative number where a value is not as it should be, or written in an unusual
    /// way.
    private int run(FieldProgram program, FieldSink to) {
        int[] code = program.code;
        byte[] bytes = in.array();
        int at = in.position();
        int next = 0;
        while (true) {
            int what = code[next];
            int argument = code[next + 1];
            next += 2;
            if (what > FieldProgram.WITHOUT_NULL) {
                int isNull = FieldSteps.isNull(bytes, at++, what & FieldProgram.NULL_OR);
                if (isNull != 0) {
                    if (isNull < 0) {
                        return isNull;
                    }
                    continue;
                }
                what &= FieldProgram.WITHOUT_NULL;
            }
            switch (what) {
                case FieldProgram.SKIP -> at = FieldSteps.skip(bytes, at, argument);
                case FieldProgram.SKIP_LONGS -> at = FieldSteps.skipLongs(this, bytes, at, argument);
                case FieldProgram.SKIP_INTS -> at = FieldSteps.skipInts(this, bytes, at, argument);
                case FieldProgram.SKIP_FLAGS -> at = FieldSteps.skipFlags(bytes, at, argument);
                case FieldProgram.SKIP_TEXTS -> at = FieldSteps.skipTexts(this, bytes, at, argument);
                case FieldProgram.SKIP_ENUM -> at = FieldSteps.skipEnum(bytes, at, argument);
                case FieldProgram.FLAG -> at = FieldSteps.flag(bytes, at, argument, to);
                case FieldProgram.INT -> at = FieldSteps.whole(this, bytes, at, argument, to, FieldProgram.INT);
                case FieldProgram.LONG -> at = FieldSteps.whole(this, bytes, at, argument, to, FieldProgram.LONG);
                case FieldProgram.DAYS -> at = FieldSteps.whole(this, bytes, at, argument, to, FieldProgram.DAYS);
                case FieldProgram.MICROS -> at = FieldSteps.whole(this, bytes, at, argument, to, FieldProgram.MICROS);
                case FieldProgram.NANOS -> at = FieldSteps.whole(this, bytes, at, argument, to, FieldProgram.NANOS);
                case FieldProgram.FLOAT -> at = FieldSteps.real4(bytes, at, argument, to);
                case FieldProgram.DOUBLE -> at = FieldSteps.real8(bytes, at, argument, to);
                case FieldProgram.TEXT -> at = FieldSteps.text(this, bytes, at, argument, to);
                case FieldProgram.RECORD -> to.other(argument, A_RECORD);
                case FieldProgram.ENUM, FieldProgram.BYTES, FieldProgram.FIXED, FieldProgram.BY_PLAN ->
                    at = read(what, program.refs[argument], at, to);
                case FieldProgram.UNION -> {
                    int chosen = FieldSteps.index(bytes, at++, argument);
                    if (chosen < 0) {
                        return chosen;
                    }
                    next = code[next + chosen];
                }
                case FieldProgram.JUMP -> next = argument;
                default -> { // END
                    return at;
                }
            }
            if (at < 0) {
                return at;
            }
        }
    }

    /// Reads a value that takes more than a path to read, and returns where it ends.
    int read(int what, FieldProgram.Ref ref, int at, FieldSink to) {
        AvroType type = ref.type();
        FieldNode node = ref.node();
        switch (what) {
            case FieldProgram.ENUM -> {
                int symbol = FieldSteps.index(in.array(), at, type.symbols.length);
                if (symbol < 0) {
                    return symbol;
                }
                to.text(ref.path(), type.symbols[symbol]);
                return at + 1;
            }
            case FieldProgram.BYTES -> {
                int length = lengthAt(at);
                if (node != null) {
                    bytes(node, type, length, to);
                }
                return in.position() + length;
            }
            case FieldProgram.FIXED -> {
                int end = FieldSteps.skip(in.array(), at, type.size);
                if (end >= 0 && node != null) {
                    in.position(at);
                    bytes(node, type, type.size, to);
                }
                return end;
            }
            default -> {
                recordsDeep = ref.deep();
                valuesDeep = ref.deep();
                in.position(at);
                uncharged(node, type, to);
                return in.position();
            }
        }
    }

    /// The whole number that begins at a place, and ends at `position()` afterwards.
    long longAt(int at) {
        in.position(at);
        return in.readLong();
    }

    int position() {
        return in.position();
    }

    int afterInt(int at) {
        in.position(at);
        in.readInt();
        return in.position();
    }

    /// The length of a text or of bytes, which begin at `position()` afterwards.
    int lengthAt(int at) {
        in.position(at);
        return in.readBytesLength();
    }

    private void read(FieldNode node, FieldSink to) {
        in.charge(node.type.fixedMemory);
        uncharged(node, node.type, to);
    }

    private void skip(AvroType type) {
        in.charge(type.fixedMemory);
        uncharged(null, type, null);
    }

    /// Reads a value for what its memory is charged already where that does not depend on its bytes.
    ///
    /// @param node the paths that go there; null to go past it
    private void uncharged(@Nullable FieldNode node, AvroType type, @Nullable FieldSink to) {
        switch (type.type) {
            case NULL :
                return;
            case BOOLEAN :
                boolean flag = in.readBoolean();
                if (node != null && to != null) {
                    for (int path : node.ends) {
                        to.flag(path, flag);
                    }
                }
                return;
            case INT :
                int small = in.readInt();
                if (node != null && to != null) {
                    whole(node, type, small, to);
                }
                return;
            case LONG :
                long large = in.readLong();
                if (node != null && to != null) {
                    whole(node, type, large, to);
                }
                return;
            case FLOAT :
                float single = in.readFloat();
                if (node != null && to != null) {
                    for (int path : node.ends) {
                        to.real(path, single);
                    }
                }
                return;
            case DOUBLE :
                double number = in.readDouble();
                if (node != null && to != null) {
                    for (int path : node.ends) {
                        to.real(path, number);
                    }
                }
                return;
            case STRING :
                int length = in.readTextLength(type.javaString);
                if (node != null && to != null) {
                    text(node, length, to);
                }
                in.position(in.position() + length);
                return;
            case BYTES :
                int count = in.readBytesLength();
                if (node != null && to != null) {
                    bytes(node, type, count, to);
                }
                in.position(in.position() + count);
                return;
            case FIXED :
                in.requireFixed(type.size);
                if (node != null && to != null) {
                    bytes(node, type, type.size, to);
                }
                in.position(in.position() + type.size);
                return;
            case ENUM :
                int symbol = symbol(type);
                if (node != null && to != null) {
                    for (int path : node.ends) {
                        to.text(path, type.symbols[symbol]);
                    }
                }
                return;
            case UNION :
                int branch = branch(type);
                AvroType chosen = type.parts[branch];
                in.charge(chosen.fixedMemory);
                uncharged(node == null ? null : node.part(branch), chosen, to);
                return;
            case RECORD :
                record(node, type, to);
                return;
            case ARRAY :
                array(node, type, to);
                return;
            case MAP :
                map(node, type, to);
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
    }

    private void bytes(FieldNode node, AvroType type, int length, FieldSink to) {
        int from = in.position();
        for (int path : node.ends) {
            FieldMeaning.bytes(path, type.meaning, type.scale, in.array(), from, length, to);
        }
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

    private void record(@Nullable FieldNode node, AvroType type, @Nullable FieldSink to) {
        if (++recordsDeep > ValueReader.RECORDS_DEEP_MAX) {
            throw in.malformed("records nested deeper than " + ValueReader.RECORDS_DEEP_MAX);
        }
        enter();
        in.charge(type.memory);
        @Nullable
        FieldNode[] parts = node == null ? FieldNode.NONE : node.parts;
        AvroType[] fields = type.parts;
        byte[] kinds = type.kinds;
        BoundedDecoder from = in;
        for (int i = 0; i < kinds.length; i++) {
            FieldNode part = i < parts.length ? parts[i] : null;
            AvroType field = fields[i];
            int kind = kinds[i];
            if (kind == AvroType.UNION) {
                int branch = branch(field);
                part = part == null ? null : part.part(branch);
                field = field.parts[branch];
                from.charge(field.fixedMemory);
                kind = field.kind;
            }
            if (part != null && part.end == FieldNode.SEVERAL) {
                kind = AvroType.ELSE;
            }
            switch (kind) {
                case AvroType.NULL :
                    break;
                case AvroType.BOOLEAN :
                    boolean flag = from.readBoolean();
                    if (part != null && to != null) {
                        to.flag(part.end, flag);
                    }
                    break;
                case AvroType.INT :
                    int small = from.readInt();
                    if (part != null && to != null) {
                        to.whole(part.end, small);
                    }
                    break;
                case AvroType.LONG :
                    long large = from.readLong();
                    if (part != null && to != null) {
                        to.whole(part.end, large);
                    }
                    break;
                case AvroType.FLOAT :
                    float single = from.readFloat();
                    if (part != null && to != null) {
                        to.real(part.end, single);
                    }
                    break;
                case AvroType.DOUBLE :
                    double number = from.readDouble();
                    if (part != null && to != null) {
                        to.real(part.end, number);
                    }
                    break;
                case AvroType.STRING :
                    int length = from.readTextLength(false);
                    int begin = from.position();
                    from.position(begin + length);
                    if (part != null && to != null) {
                        to.text(part.end, from.array(), begin, length);
                    }
                    break;
                default :
                    uncharged(part, field, to);
                    break;
            }
        }
        other(node, A_RECORD, to);
        leave();
        recordsDeep--;
    }

    private static void other(@Nullable FieldNode node, String description, @Nullable FieldSink to) {
        if (node != null && to != null) {
            for (int path : node.ends) {
                to.other(path, description);
            }
        }
    }

    private void array(@Nullable FieldNode node, AvroType type, @Nullable FieldSink to) {
        enter();
        in.charge(ValueReader.ARRAY_BYTES);
        FieldNode part = node == null ? null : node.part(0);
        if (node == null || part == null || to == null) {
            for (long count = in.readArrayStart(); count > 0; count = in.arrayNext()) {
                for (long i = 0; i < count; i++) {
                    skip(type.parts[0]);
                }
            }
        } else {
            begin(node, to);
            FieldSink elements = to.elements();
            for (long count = in.readArrayStart(); count > 0; count = in.arrayNext()) {
                for (long i = 0; i < count; i++) {
                    element(node, part, elements);
                }
            }
        }
        leave();
        other(node, "a list", to);
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

    private void map(@Nullable FieldNode node, AvroType type, @Nullable FieldSink to) {
        enter();
        in.charge(ValueReader.MAP_BYTES);
        if (node == null || to == null) {
            for (long count = in.readMapStart(); count > 0; count = in.mapNext()) {
                for (long i = 0; i < count; i++) {
                    in.skipFixed(in.readTextLength(type.javaString));
                    skip(type.parts[0]);
                }
            }
        } else {
            entries(node, type, to);
        }
        leave();
        other(node, "a map", to);
    }

    private void entries(FieldNode node, AvroType type, FieldSink to) {
        begin(node, to);
        FieldNode part = node.part(0);
        MapValues values = part == null ? null : new MapValues();
        int[][] sizes = node.sizes(to);
        for (long count = in.readMapStart(); count > 0; count = in.mapNext()) {
            for (long i = 0; i < count; i++) {
                int length = in.readTextLength(type.javaString);
                int key = in.position();
                in.position(key + length);
                if (values != null) {
                    values.add(key, length, in.position());
                }
                int entry = entry(node, key, length);
                if (entry < 0) {
                    skip(type.parts[0]);
                } else {
                    node.entries[entry].undo(to, sizes[entry]);
                    read(node.entries[entry].value(), to);
                }
            }
        }
        if (values != null && part != null) {
            inOrderOfKeys(node, part, values, to.elements());
        }
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

    private void enter() {
        if (++valuesDeep > ValueReader.VALUES_DEEP_MAX) {
            throw in.malformed("values nested deeper than " + ValueReader.VALUES_DEEP_MAX);
        }
    }

    private void leave() {
        valuesDeep--;
    }
}
