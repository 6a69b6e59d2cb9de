package io.tidegrad.release;

import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassElement;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.FieldModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.lang.classfile.Opcode;
import java.lang.classfile.attribute.InnerClassesAttribute;
import java.lang.classfile.attribute.PermittedSubclassesAttribute;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.FieldRefEntry;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.instruction.ExceptionCatch;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.NewObjectInstruction;
import java.lang.classfile.instruction.TypeCheckInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDesc;
import java.lang.constant.DirectMethodHandleDesc;
import java.lang.constant.DynamicCallSiteDesc;
import java.lang.constant.MethodHandleDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// Rewrites class files of Java 25 for Java 17. Their instructions are the same; what Java 17 lacks are methods and
/// classes of the JDK, among them those that link a `switch` over types. Each of these is replaced by its namesake in
/// the class `Java17` (its template tells how). What has none is a mistake that ends the build.
final class LoweredClasses {
    private static final int JAVA_17 = 61;

    /// A class that names one of these stays as it is, for Java 25 only; its callers ask for the version.
    private static final List<String> NEEDS_25 = List.of("jdk.incubator.vector", "java.lang.classfile");

    /// These name classes for Java 25 only, and do without them before it: `ActiveKernels` and `KafkaTime` ask for the
    /// version, `FieldCode` catches the error, and the `Vector` ones are used by classes for Java 25 only.
    private static final Set<String> GUARDED = Set.of("io/tidegrad/engine/kernel/ActiveKernels",
            "io/tidegrad/engine/kernel/VectorDenseKernels", "io/tidegrad/engine/kernel/VectorConvolutionKernels",
            "io/tidegrad/schemas/KafkaTime", "io/tidegrad/schemas/FieldCode");

    private final JavaApi api;
    private final ClassDesc substitute;
    private final Set<String> substitutes = new HashSet<>();
    private final ClassFile format;

    /// @param module classes by the names of their files, `io/tidegrad/….class`
    /// @param substitutes classes of `Java17`, compiled for the module's package
    /// @param others finds the classes that the module knows
    LoweredClasses(JavaApi api, ClassDesc substitute, Map<String, byte[]> substitutes, ClassLoader others) {
        this.api = api;
        this.substitute = substitute;
        for (byte[] file : substitutes.values()) {
            ClassModel model = ClassFile.of().parse(file);
            String owner = model.thisClass().asInternalName();
            this.substitutes.add(owner);
            model.methods()
                    .forEach(method -> this.substitutes.add(owner + "." + method.methodName() + method.methodType()));
            model.fields().forEach(field -> this.substitutes.add(owner + "." + field.fieldName()));
        }
        format = ClassFile.of(ClassFile.ConstantPoolSharingOption.NEW_POOL,
                ClassFile.ClassHierarchyResolverOption.of(ClassHierarchyResolver.ofResourceParsing(others)));
    }

    /// Returns the classes that Java 17 can load, by the names of their files.
    ///
    /// @throws IllegalStateException if one uses what Java 17 lacks and `Java17` doesn't have, or a class that is left
    ///     out; names all such uses
    Map<String, byte[]> lower(Map<String, byte[]> classes) {
        Map<String, byte[]> lowered = new TreeMap<>();
        Set<String> missing = new TreeSet<>();
        Set<String> newer = new HashSet<>();
        classes.forEach((name, file) -> {
            if (needs25(format.parse(file))) {
                newer.add(name.replace(".class", "$"));
            }
        });
        Set<String> leftOut = new HashSet<>();
        classes.keySet().forEach(name -> {
            // Of a class that is for 25 only, so are those nested in it.
            if (newer.stream().anyMatch(name.replace(".class", "$")::startsWith)) {
                leftOut.add(name.replace(".class", ""));
            }
        });
        classes.forEach((name, file) -> {
            if (!leftOut.contains(name.replace(".class", ""))) {
                byte[] bytes = format.transformClass(format.parse(file),
                        (builder, element) -> lower(builder, element, leftOut));
                lowered.put(name, bytes);
                missing(format.parse(bytes), leftOut, missing);
            }
        });
        if (!missing.isEmpty()) {
            throw new IllegalStateException("Java 17 lacks what these classes use; write it into "
                    + "release/src/main/java17/Java17.java.template, or do without: " + String.join("; ", missing));
        }
        return lowered;
    }

    private static boolean needs25(ClassModel model) {
        for (PoolEntry entry : model.constantPool()) {
            if (entry instanceof ClassEntry type && !type.asSymbol().isArray()
                    && NEEDS_25.stream().anyMatch(type.asSymbol().packageName()::startsWith)) {
                return true;
            }
        }
        return false;
    }

    private void missing(ClassModel model, Set<String> leftOut, Set<String> missing) {
        String here = model.thisClass().asInternalName();
        for (MethodModel method : model.methods()) {
            if (!mapped(method.methodTypeSymbol()).equals(method.methodTypeSymbol())) {
                missing.add(here + " has " + method.methodName() + method.methodType());
            }
        }
        for (PoolEntry entry : model.constantPool()) {
            String used = switch (entry) {
                case ClassEntry type when isMissing(type.asSymbol()) -> type.asInternalName();
                case ClassEntry type when !GUARDED.contains(here)
                        && leftOut.contains(internalName(element(type.asSymbol()))) ->
                    type.asInternalName() + ", which is for Java 25 only: ask for the version before, and add the class"
                            + " that asks to GUARDED";
                case FieldRefEntry field when isMissing(field) -> text(field);
                case MemberRefEntry method when !(method instanceof FieldRefEntry) && isMissing(method) -> text(method);
                default -> null;
            };
            if (used != null) {
                missing.add(here + " uses " + used);
            }
        }
    }

    private static String text(MemberRefEntry member) {
        return member.owner().asInternalName() + "." + member.name() + member.type();
    }

    private boolean isMissing(MemberRefEntry member) {
        ClassDesc owner = member.owner().asSymbol();
        String name = member.name().stringValue();
        if (member instanceof FieldRefEntry) {
            return isSubstitute(owner) ? !substitutes.contains(member.owner().asInternalName() + "." + name)
                    : JavaApi.isJdk(owner) && !api.hasField(owner, name);
        }
        return isSubstitute(owner) ? !substitutes.contains(text(member))
                : isMissing(owner, name, MethodTypeDesc.ofDescriptor(member.type().stringValue()));
    }

    private static ClassDesc element(ClassDesc type) {
        ClassDesc element = type;
        while (element.isArray()) {
            element = element.componentType();
        }
        return element;
    }

    private boolean isMissing(ClassDesc type) {
        ClassDesc element = element(type);
        return isSubstitute(element) ? !substitutes.contains(internalName(element))
                : JavaApi.isJdk(element) && !api.has(element);
    }

    private boolean isMissing(ClassDesc owner, String name, MethodTypeDesc type) {
        return JavaApi.isJdk(owner) && (isMissing(owner) || !api.hasMethod(owner, name, type));
    }

    private boolean isSubstitute(ClassDesc type) {
        return internalName(type).startsWith(internalName(substitute));
    }

    private static String internalName(ClassDesc type) {
        String descriptor = type.descriptorString();
        return descriptor.startsWith("L") ? descriptor.substring(1, descriptor.length() - 1) : descriptor;
    }

    private ClassDesc mapped(ClassDesc type) {
        if (type.isArray()) {
            return mapped(type.componentType()).arrayType();
        }
        if (!JavaApi.isJdk(type) || api.has(type)) {
            return type;
        }
        String name = type.displayName();
        return substitute.nested(name.substring(name.lastIndexOf('$') + 1));
    }

    private MethodTypeDesc mapped(MethodTypeDesc type) {
        return MethodTypeDesc.of(mapped(type.returnType()), type.parameterList().stream().map(this::mapped).toList());
    }

    // ------------------------------------------------------------------------------------------------- elements

    private void lower(ClassBuilder builder, ClassElement element, Set<String> leftOut) {
        switch (element) {
            case ClassFileVersion _ -> builder.withVersion(JAVA_17, 0);
            case MethodModel method -> builder.transformMethod(method, MethodTransform.transformingCode(this::lower));
            case FieldModel field -> builder.withField(field.fieldName().stringValue(), mapped(field.fieldTypeSymbol()),
                    fields -> field.forEach(fields));
            case InnerClassesAttribute inner -> builder.with(InnerClassesAttribute.of(
                    inner.classes().stream().filter(nested -> !isMissing(nested.innerClass().asSymbol())).toList()));
            case PermittedSubclassesAttribute permitted -> builder.with(PermittedSubclassesAttribute.of(permitted
                    .permittedSubclasses().stream().filter(type -> !leftOut.contains(type.asInternalName())).toList()));
            default -> builder.with(element);
        }
    }

    private void lower(CodeBuilder builder, CodeElement element) {
        switch (element) {
            case InvokeInstruction call -> call(builder, call);
            case InvokeDynamicInstruction call ->
                builder.invokedynamic(DynamicCallSiteDesc.of(handle(call.bootstrapMethod()), call.name().stringValue(),
                        mapped(call.typeSymbol()),
                        call.bootstrapArgs().stream().map(this::constant).toArray(ConstantDesc[]::new)));
            case FieldInstruction field -> builder.fieldAccess(field.opcode(), mapped(field.owner().asSymbol()),
                    field.name().stringValue(), mapped(field.typeSymbol()));
            case NewObjectInstruction made -> builder.new_(mapped(made.className().asSymbol()));
            case TypeCheckInstruction check when check.opcode() == Opcode.CHECKCAST ->
                builder.checkcast(mapped(check.type().asSymbol()));
            case TypeCheckInstruction check -> builder.instanceOf(mapped(check.type().asSymbol()));
            case ExceptionCatch handler when handler.catchType().isPresent() ->
                builder.exceptionCatch(handler.tryStart(), handler.tryEnd(), handler.handler(),
                        mapped(handler.catchType().get().asSymbol()));
            default -> builder.with(element);
        }
    }

    private void call(CodeBuilder builder, InvokeInstruction call) {
        ClassDesc owner = call.owner().asSymbol();
        String name = call.name().stringValue();
        MethodTypeDesc type = call.typeSymbol();
        if (owner.isArray() || !isMissing(owner, name, type)) {
            builder.with(call);
        } else if (isMissing(owner)) {
            Opcode opcode = call.opcode() == Opcode.INVOKEINTERFACE ? Opcode.INVOKEVIRTUAL : call.opcode();
            builder.invoke(opcode, mapped(owner), name, mapped(type), false);
        } else {
            builder.invokestatic(substitute, name,
                    call.opcode() == Opcode.INVOKESTATIC ? mapped(type) : mapped(type.insertParameterTypes(0, owner)));
        }
    }

    private ConstantDesc constant(ConstantDesc constant) {
        return switch (constant) {
            case DirectMethodHandleDesc handle -> handle(handle);
            case MethodTypeDesc type -> mapped(type);
            default -> constant;
        };
    }

    private DirectMethodHandleDesc handle(DirectMethodHandleDesc handle) {
        ClassDesc owner = handle.owner();
        String name = handle.methodName();
        MethodTypeDesc type;
        switch (handle.kind()) {
            case STATIC, INTERFACE_STATIC, VIRTUAL, INTERFACE_VIRTUAL ->
                type = MethodTypeDesc.ofDescriptor(handle.lookupDescriptor());
            default -> {
                return handle;
            }
        }
        if (owner.isArray() || !isMissing(owner, name, type)) {
            return handle;
        }
        boolean isStatic = handle.kind().name().endsWith("STATIC");
        if (isMissing(owner)) {
            return MethodHandleDesc.ofMethod(
                    isStatic ? DirectMethodHandleDesc.Kind.STATIC : DirectMethodHandleDesc.Kind.VIRTUAL, mapped(owner),
                    name, mapped(type));
        }
        return MethodHandleDesc.ofMethod(DirectMethodHandleDesc.Kind.STATIC, substitute, name,
                isStatic ? mapped(type) : mapped(type.insertParameterTypes(0, owner)));
    }
}
