package io.tidegrad.schemas;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/// A [FieldPlan] as a line of instructions: nested records are written out, runs of fields that nobody reads are gone
/// past in one step, and what the parts may be charged is added up beforehand. [FieldReader] runs it on values that are
/// as they should be, and reads by the plan itself what the program does not know or gives up on.
final class FieldProgram {
    /// Each instruction is two numbers: what to do, and one argument. Only `UNION` is followed by more.
    static final int END = 0;
    /// So many bytes.
    static final int SKIP = 1;
    /// So many fields of a type.
    static final int SKIP_LONGS = 2;
    static final int SKIP_INTS = 3;
    static final int SKIP_FLAGS = 4;
    static final int SKIP_TEXTS = 5;
    /// An index below the argument.
    static final int SKIP_ENUM = 6;
    /// The value of a path.
    static final int FLAG = 7;
    static final int INT = 8;
    static final int LONG = 9;
    static final int FLOAT = 10;
    static final int DOUBLE = 11;
    static final int TEXT = 12;
    static final int DAYS = 13;
    static final int MICROS = 14;
    static final int NANOS = 15;
    /// The path of a record, of which no feature can be made.
    static final int RECORD = 16;
    /// A value of `refs`.
    static final int ENUM = 17;
    static final int BYTES = 18;
    static final int FIXED = 19;
    static final int BY_PLAN = 20;
    /// The number of branches, followed by the place of each.
    static final int UNION = 21;
    /// A place.
    static final int JUMP = 22;

    /// Added to what is to be done with the value of a union of it and null, whichever of the two comes first.
    static final int OR_NULL = 1 << 8;
    static final int NULL_OR = 1 << 9;
    static final int WITHOUT_NULL = OR_NULL - 1;

    /// Beyond, what is left is read by the plan: a hostile schema nests 2^27 records in 27 types.
    private static final int INLINED_MAX = 4_096;
    private static final int CODE_MAX = 8_192;
    private static final int DEEP_MAX = 32;

    /// What is met now and then is not worth a class.
    private static final int RUNS_UNTIL_HOT = 1_000;

    /// Half of what any value may take; the other half is for what is read by the plan.
    private static final long MEMORY_MAX = BoundedDecoder.MEMORY_OF_ANY / 2;

    /// A value that takes more than a path to read.
    ///
    /// @param node null: it is gone past
    /// @param deep how many records it lies in
    record Ref(@Nullable FieldNode node, AvroType type, int deep) {
        int path() {
            return node == null ? FieldNode.SEVERAL : node.end;
        }
    }

    final int[] code;
    final Ref[] refs;
    private final long memory;
    private final int memoryPerByte;
    private int runs;
    private @Nullable FieldCode asCode;

    private FieldProgram(Builder built) {
        code = Arrays.copyOf(built.code, built.size);
        refs = built.refs.toArray(Ref[]::new);
        memory = built.memory;
        memoryPerByte = built.memoryPerByte;
    }

    /// The program as a class, once it has run so often that making one pays; null before, and where it is too long.
    @Nullable
    FieldCode asCode() {
        if (runs < RUNS_UNTIL_HOT && ++runs == RUNS_UNTIL_HOT) {
            asCode = FieldCode.of(this);
        }
        return asCode;
    }

    /// Makes the class now.
    void heat() {
        runs = RUNS_UNTIL_HOT;
        asCode = FieldCode.of(this);
    }

    /// The most that a value of so many bytes is charged for what the program reads or goes past itself.
    long memory(int length) {
        return memory + (long) memoryPerByte * length;
    }

    /// Null for a schema of which too little would be written out.
    static @Nullable FieldProgram of(@Nullable FieldNode root, AvroType record) {
        Builder builder = new Builder();
        builder.record(root, record, 1);
        builder.add(END, 0);
        return builder.isTooLong || builder.memory > MEMORY_MAX ? null : new FieldProgram(builder);
    }

    private static final class Builder {
        int[] code = new int[256];
        int size;
        final List<Ref> refs = new ArrayList<>();
        long memory;
        int memoryPerByte = 1;
        boolean isTooLong;
        private int last = -1; // the instruction before, if the next one can be merged with it

        void add(int what, int argument) {
            last = size;
            number(what);
            number(argument);
        }

        private void number(int number) {
            if (size >= CODE_MAX) {
                isTooLong = true;
                return;
            }
            if (size == code.length) {
                code = Arrays.copyOf(code, 2 * size);
            }
            code[size++] = number;
        }

        private void skip(int what, int count) {
            if (last >= 0 && !isTooLong && code[last] == what) {
                code[last + 1] += count;
            } else {
                add(what, count);
            }
        }

        private void ref(int what, @Nullable FieldNode node, AvroType type, int deep) {
            add(what, refs.size());
            refs.add(new Ref(node, type, deep));
        }

        void record(@Nullable FieldNode node, AvroType type, int deep) {
            memory += type.memory;
            // Bounds the work, too: fields that nobody reads add no instruction, and 2^27 records may be full of them.
            isTooLong |= memory > MEMORY_MAX;
            for (int i = 0; i < type.parts.length && !isTooLong; i++) {
                value(node == null ? null : node.part(i), type.parts[i], deep, 0);
            }
            if (node != null) {
                for (int path : node.ends) {
                    add(RECORD, path);
                }
            }
        }

        /// @param orNull 0, `OR_NULL` or `NULL_OR`
        private void value(@Nullable FieldNode node, AvroType type, int deep, int orNull) {
            switch (type.type) {
                case NULL -> {
                    // Takes no bytes, and is missing.
                }
                case UNION -> union(node, type, deep);
                case RECORD -> {
                    if (deep < DEEP_MAX && size < INLINED_MAX) {
                        record(node, type, deep + 1);
                    } else {
                        ref(BY_PLAN, node, type, deep);
                    }
                }
                case ARRAY, MAP -> ref(BY_PLAN | orNull, node, type, deep);
                default -> {
                    memory += charged(type);
                    if (node == null) {
                        skip(type, deep, orNull);
                    } else if (node.end == FieldNode.SEVERAL) {
                        ref(BY_PLAN | orNull, node, type, deep);
                    } else {
                        read(node, type, deep, orNull);
                    }
                }
            }
        }

        /// What the value is charged where it is read, but for each byte of text.
        private long charged(AvroType type) {
            if (type.javaString) {
                memoryPerByte = 3;
            }
            return switch (type.type) {
                case STRING -> BoundedDecoder.STRING_BYTES;
                case FIXED -> BoundedDecoder.FIXED_BYTES + (long) type.size;
                default -> 0; // charged with the record, or with the branch of a union
            };
        }

        private void skip(AvroType type, int deep, int orNull) {
            switch (type.type) {
                case BOOLEAN -> skip(SKIP_FLAGS | orNull, 1);
                case INT -> skip(SKIP_INTS | orNull, 1);
                case LONG -> skip(SKIP_LONGS | orNull, 1);
                case FLOAT -> skip(SKIP | orNull, Float.BYTES);
                case DOUBLE -> skip(SKIP | orNull, Double.BYTES);
                case STRING, BYTES -> skip(SKIP_TEXTS | orNull, 1);
                case FIXED -> skip(SKIP | orNull, type.size);
                case ENUM -> add(SKIP_ENUM | orNull, type.symbols.length);
                default -> ref(BY_PLAN | orNull, null, type, deep);
            }
            if (orNull != 0) {
                last = -1; // each has an index of its own
            }
        }

        private void read(FieldNode node, AvroType type, int deep, int orNull) {
            int path = node.end;
            switch (type.type) {
                case BOOLEAN -> add(FLAG | orNull, path);
                case INT -> add((type.meaning == AvroType.Meaning.DAYS ? DAYS : INT) | orNull, path);
                case LONG -> add(switch (type.meaning) {
                    case MICROS -> MICROS;
                    case NANOS -> NANOS;
                    default -> LONG;
                } | orNull, path);
                case FLOAT -> add(FLOAT | orNull, path);
                case DOUBLE -> add(DOUBLE | orNull, path);
                case STRING -> {
                    if (type.javaString) {
                        ref(BY_PLAN | orNull, node, type, deep);
                    } else {
                        add(TEXT | orNull, path);
                    }
                }
                case ENUM -> ref(ENUM | orNull, node, type, deep);
                case BYTES -> ref(BYTES | orNull, node, type, deep);
                case FIXED -> ref(FIXED | orNull, node, type, deep);
                default -> ref(BY_PLAN | orNull, node, type, deep);
            }
        }

        private void union(@Nullable FieldNode node, AvroType type, int deep) {
            AvroType[] branches = type.parts;
            for (AvroType branch : branches) {
                memory += branch.fixedMemory;
            }
            int nullAt = branches.length != 2 ? -1
                    : branches[0].type == Schema.Type.NULL ? 0 : branches[1].type == Schema.Type.NULL ? 1 : -1;
            if (nullAt >= 0 && branches[1 - nullAt].type != Schema.Type.RECORD) {
                value(node == null ? null : node.part(1 - nullAt), branches[1 - nullAt], deep,
                        nullAt == 0 ? NULL_OR : OR_NULL);
                return;
            }
            add(UNION, branches.length);
            int places = size;
            for (int i = 0; i < branches.length; i++) {
                number(0);
            }
            int[] ends = new int[branches.length];
            for (int i = 0; i < branches.length && !isTooLong; i++) {
                code[places + i] = size;
                last = -1;
                value(node == null ? null : node.part(i), branches[i], deep, 0);
                add(JUMP, 0);
                ends[i] = size - 1;
            }
            if (!isTooLong) {
                for (int end : ends) {
                    code[end] = size;
                }
            }
            last = -1;
        }
    }
}
