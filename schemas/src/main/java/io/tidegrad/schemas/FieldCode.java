package io.tidegrad.schemas;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A [FieldProgram] as a class: its steps are calls in a row, which the JVM's compiler makes one piece of, and nobody
/// looks up what to do next. Nothing of a schema goes into the class but the program's numbers. It is unloaded with the
/// program.
interface FieldCode {
    /// Returns where the record ends, or a negative number, as `FieldReader.run` does.
    ///
    /// @param refs of the program
    int run(FieldReader reader, FieldProgram.Ref[] refs, byte[] bytes, int at, FieldSink to);

    /// Null where the program is too long, or this JVM does not let a class be made: the program gives the same.
    static @Nullable FieldCode of(FieldProgram program) {
        try {
            Assembly assembly = new Assembly(program); // before Java 24 what writes it is missing: a LinkageError
            if (assembly.isTooLong()) {
                return null;
            }
            Class<?> made = MethodHandles.lookup().defineHiddenClass(assembly.toClass(), true).lookupClass();
            return (FieldCode) made.getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException | LinkageError | IllegalArgumentException e) {
            return null;
        }
    }

    /// Makes the class.
    final class Assembly {
        /// Of a method: beyond 8,000 bytes the JVM leaves it to its interpreter.
        private static final int BYTES_MAX = 7_000;

        /// Of the longest instruction, but for the places of a union.
        private static final int INSTRUCTION_BYTES = 40;

        private static final int PLACE_BYTES = 4;

        // Local variables.
        private static final int READER = 1;
        private static final int REFS = 2;
        private static final int BYTES = 3;
        private static final int AT = 4;
        private static final int TO = 5;
        private static final int FOUND = 6;

        private static final ClassDesc READER_TYPE = type(FieldReader.class);
        private static final ClassDesc SINK = type(FieldSink.class);
        private static final ClassDesc REF = type(FieldProgram.Ref.class);
        private static final ClassDesc STEPS = type(FieldSteps.class);
        private static final ClassDesc INT = ConstantDescs.CD_int;
        private static final ClassDesc BYTE_ARRAY = ConstantDescs.CD_byte.arrayType();

        private final int[] program;
        private final Map<Integer, Label> labels = new HashMap<>(); // by place in the program

        Assembly(FieldProgram program) {
            this.program = program.code;
        }

        private static ClassDesc type(Class<?> of) {
            return ClassDesc.ofDescriptor(of.descriptorString());
        }

        boolean isTooLong() {
            int bytes = 0;
            for (int at = 0; at < program.length; at = next(at)) {
                bytes += INSTRUCTION_BYTES + (next(at) - at - 2) * PLACE_BYTES;
            }
            return bytes > BYTES_MAX;
        }

        private int next(int at) {
            return at + 2 + (program[at] == FieldProgram.UNION ? program[at + 1] : 0);
        }

        byte[] toClass() {
            MethodTypeDesc run = MethodTypeDesc.of(INT, READER_TYPE, REF.arrayType(), BYTE_ARRAY, INT, SINK);
            return ClassFile.of().build(ClassDesc.of(FieldCode.class.getPackageName(), "MadeFieldCode"),
                    made -> made.withFlags(ClassFile.ACC_FINAL | ClassFile.ACC_SYNTHETIC)
                            .withInterfaceSymbols(type(FieldCode.class))
                            .withMethodBody(ConstantDescs.INIT_NAME, ConstantDescs.MTD_void, 0,
                                    code -> code.aload(0)
                                            .invokespecial(ConstantDescs.CD_Object, ConstantDescs.INIT_NAME,
                                                    ConstantDescs.MTD_void)
                                            .return_())
                            .withMethodBody("run", run, ClassFile.ACC_PUBLIC, this::instructions));
        }

        private void instructions(CodeBuilder code) {
            Label gaveUp = code.newLabel();
            for (int at = 0; at < program.length; at = next(at)) {
                code.labelBinding(label(code, at));
                int what = program[at];
                int argument = program[at + 1];
                if (what > FieldProgram.WITHOUT_NULL) {
                    code.aload(BYTES).iload(AT).loadConstant(what & FieldProgram.NULL_OR)
                            .invokestatic(STEPS, "isNull", MethodTypeDesc.of(INT, BYTE_ARRAY, INT, INT)).istore(FOUND)
                            .iinc(AT, 1).iload(FOUND).iflt(gaveUp).iload(FOUND).ifne(label(code, next(at)));
                }
                instruction(code, what & FieldProgram.WITHOUT_NULL, argument, at, gaveUp);
            }
            code.labelBinding(gaveUp).iconst_m1().ireturn();
        }

        private Label label(CodeBuilder code, int at) {
            return labels.computeIfAbsent(at, unused -> code.newLabel());
        }

        private void instruction(CodeBuilder code, int what, int argument, int at, Label gaveUp) {
            switch (what) {
                case FieldProgram.SKIP -> skip(code, "skip", false, argument);
                case FieldProgram.SKIP_LONGS -> skip(code, "skipLongs", true, argument);
                case FieldProgram.SKIP_INTS -> skip(code, "skipInts", true, argument);
                case FieldProgram.SKIP_FLAGS -> skip(code, "skipFlags", false, argument);
                case FieldProgram.SKIP_TEXTS -> skip(code, "skipTexts", true, argument);
                case FieldProgram.SKIP_ENUM -> skip(code, "skipEnum", false, argument);
                case FieldProgram.FLAG -> read(code, "flag", false, argument);
                case FieldProgram.FLOAT -> read(code, "real4", false, argument);
                case FieldProgram.DOUBLE -> read(code, "real8", false, argument);
                case FieldProgram.TEXT -> read(code, "text", true, argument);
                case FieldProgram.INT, FieldProgram.LONG, FieldProgram.DAYS, FieldProgram.MICROS,
                        FieldProgram.NANOS ->
                    code.aload(READER).aload(BYTES).iload(AT).loadConstant(argument).aload(TO).loadConstant(what)
                            .invokestatic(STEPS, "whole",
                                    MethodTypeDesc.of(INT, READER_TYPE, BYTE_ARRAY, INT, INT, SINK, INT));
                case FieldProgram.RECORD -> {
                    code.aload(TO).loadConstant(argument).loadConstant(FieldReader.A_RECORD).invokeinterface(SINK,
                            "other", MethodTypeDesc.of(ConstantDescs.CD_void, INT, ConstantDescs.CD_String));
                    return;
                }
                case FieldProgram.UNION -> {
                    union(code, argument, at, gaveUp);
                    return;
                }
                case FieldProgram.JUMP -> {
                    code.goto_(label(code, argument));
                    return;
                }
                case FieldProgram.END -> {
                    code.iload(AT).ireturn();
                    return;
                }
                default -> code.aload(READER).loadConstant(what).aload(REFS).loadConstant(argument).aaload().iload(AT)
                        .aload(TO).invokevirtual(READER_TYPE, "read", MethodTypeDesc.of(INT, INT, REF, INT, SINK));
            }
            code.istore(AT).iload(AT).iflt(gaveUp);
        }

        private static void skip(CodeBuilder code, String step, boolean byReader, int argument) {
            List<ClassDesc> types = new ArrayList<>(List.of(BYTE_ARRAY, INT, INT));
            if (byReader) {
                code.aload(READER);
                types.addFirst(READER_TYPE);
            }
            code.aload(BYTES).iload(AT).loadConstant(argument).invokestatic(STEPS, step, MethodTypeDesc.of(INT, types));
        }

        private static void read(CodeBuilder code, String step, boolean byReader, int argument) {
            List<ClassDesc> types = new ArrayList<>(List.of(BYTE_ARRAY, INT, INT, SINK));
            if (byReader) {
                code.aload(READER);
                types.addFirst(READER_TYPE);
            }
            code.aload(BYTES).iload(AT).loadConstant(argument).aload(TO).invokestatic(STEPS, step,
                    MethodTypeDesc.of(INT, types));
        }

        private void union(CodeBuilder code, int branches, int at, Label gaveUp) {
            code.aload(BYTES).iload(AT).loadConstant(branches)
                    .invokestatic(STEPS, "index", MethodTypeDesc.of(INT, BYTE_ARRAY, INT, INT)).iinc(AT, 1);
            List<SwitchCase> cases = new ArrayList<>();
            for (int i = 0; i < branches; i++) {
                cases.add(SwitchCase.of(i, label(code, program[at + 2 + i])));
            }
            code.tableswitch(0, branches - 1, gaveUp, cases);
        }
    }
}
