package io.tidegrad.release;

import com.sun.source.util.JavacTask;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import javax.lang.model.element.Element;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.TypeElement;
import javax.lang.model.type.TypeMirror;
import javax.lang.model.util.Elements;
import javax.lang.model.util.Types;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;

/// The API of an older Java, as `javac --release` knows it.
final class JavaApi {
    private static final Set<String> ROOTS = Set.of("java", "javax", "jdk", "sun", "com.sun");

    /// Java 17 has it as a preview, with other rules.
    private static final Set<String> PREVIEWS = Set.of("java.lang.runtime.SwitchBootstraps");

    private final Elements elements;
    private final Types types;
    private final Map<String, Set<String>> members = new HashMap<>();

    JavaApi(int release) {
        JavacTask task = (JavacTask) ToolProvider.getSystemJavaCompiler().getTask(null, null, null,
                List.of("--release", Integer.toString(release), "-proc:none"), List.of("java.lang.Object"), null);
        elements = task.getElements();
        types = task.getTypes();
    }

    /// Returns whether a class is of the JDK, of whatever version.
    static boolean isJdk(ClassDesc type) {
        String name = type.packageName();
        return ROOTS.stream().anyMatch(root -> name.startsWith(root + "."));
    }

    boolean has(ClassDesc type) {
        return !PREVIEWS.contains(text(type)) && element(type) != null;
    }

    boolean hasField(ClassDesc owner, String name) {
        return members(owner).contains(name);
    }

    boolean hasMethod(ClassDesc owner, String name, MethodTypeDesc type) {
        Set<String> members = members(owner);
        // A method whose signature the JVM adapts to each call, such as those of VarHandle.
        return members.contains(name + parameters(type)) || members.contains(name + "(java.lang.Object[])");
    }

    private Set<String> members(ClassDesc owner) {
        return members.computeIfAbsent(text(owner), _ -> {
            Set<String> names = new HashSet<>();
            TypeElement found = Objects.requireNonNull(element(owner), owner::displayName);
            collect(found, names);
            // Each array and each interface has them, too.
            collect(Objects.requireNonNull(elements.getTypeElement("java.lang.Object")), names);
            return names;
        });
    }

    private void collect(TypeElement type, Set<String> names) {
        for (Element member : elements.getAllMembers(type)) {
            if (member instanceof ExecutableElement method) {
                names.add(method.getSimpleName() + method.getParameters().stream().map(Element::asType)
                        .map(this::erased).collect(Collectors.joining(",", "(", ")")));
            } else {
                names.add(member.getSimpleName().toString());
            }
        }
    }

    private String erased(TypeMirror type) {
        return types.erasure(type).toString();
    }

    private @Nullable TypeElement element(ClassDesc type) {
        return elements.getTypeElement(text(type));
    }

    private static String parameters(MethodTypeDesc type) {
        return type.parameterList().stream().map(JavaApi::text).collect(Collectors.joining(",", "(", ")"));
    }

    private static String text(ClassDesc type) {
        if (type.isArray()) {
            return text(Objects.requireNonNull(type.componentType())) + "[]";
        }
        String name = type.packageName();
        return (name.isEmpty() ? "" : name + ".") + type.displayName().replace('$', '.');
    }
}
