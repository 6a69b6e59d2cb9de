package io.tidegrad.schemas;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import org.apache.kafka.common.utils.Time;

/// The class of Kafka's clients that asks the machine for the time, rewritten to ask a clock. Apart from [KafkaTime],
/// which Java 17 can load, because what rewrites classes came later.
final class SystemTimeClass {
    private SystemTimeClass() {}

    /// @param clock has the method `currentTimeMillis`
    static byte[] asking(ClassDesc clock) {
        ClassDesc system = ClassDesc.of(System.class.getName());
        MethodTypeDesc toLong = MethodTypeDesc.of(ConstantDescs.CD_long);
        CodeTransform code = (builder, element) -> {
            if (element instanceof InvokeInstruction call && call.owner().asSymbol().equals(system)
                    && call.name().equalsString("currentTimeMillis")) {
                builder.invokestatic(clock, "currentTimeMillis", toLong);
            } else {
                builder.with(element);
            }
        };
        ClassFile file = ClassFile.of();
        try (InputStream in = Time.class.getResourceAsStream("SystemTime.class")) {
            return file.transformClass(file.parse(in.readAllBytes()), ClassTransform.transformingMethodBodies(code));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
