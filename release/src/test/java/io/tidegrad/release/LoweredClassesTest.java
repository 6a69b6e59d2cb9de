package io.tidegrad.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.constant.ClassDesc;
import java.lang.invoke.CallSite;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.runtime.SwitchBootstraps;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What stands in for the newer JDK on Java 17 does what the JDK does.
class LoweredClassesTest {
    @TempDir
    Path directory;

    private Path compiled;

    @BeforeEach
    void compile() throws IOException {
        compiled = new Java17Jar(directory).compileSubstitutes("here");
    }

    private Class<?> substitute(String name) throws Exception {
        return new URLClassLoader(new URL[]{compiled.toUri().toURL()}).loadClass(name);
    }

    private Object call(String name, Class<?>[] types, Object... arguments) throws Exception {
        Method method = substitute("here.Java17").getMethod(name, types);
        try {
            return method.invoke(null, arguments);
        } catch (InvocationTargetException e) {
            throw (Exception) e.getCause();
        }
    }

    @Test
    void everyHalfIsTheSameFloat() throws Exception {
        Method method = substitute("here.Java17").getMethod("float16ToFloat", short.class);
        for (int half = Short.MIN_VALUE; half <= Short.MAX_VALUE; half++) {
            assertThat(Float.floatToRawIntBits((float) method.invoke(null, (short) half))).as("half %d", half)
                    .isEqualTo(Float.floatToRawIntBits(Float.float16ToFloat((short) half)));
        }
    }

    @Test
    void numbersAreDividedAndClampedAlike() throws Exception {
        Class<?>[] ints = {int.class, int.class};
        Class<?>[] floats = {float.class, float.class, float.class};
        for (int x : new int[]{-7, -6, -1, 0, 1, 6, 7, Integer.MAX_VALUE}) {
            assertThat(call("ceilDiv", ints, x, 3)).isEqualTo(Math.ceilDiv(x, 3));
        }
        for (float x : new float[]{Float.NEGATIVE_INFINITY, -1.5f, -0f, 0f, 0.5f, 2f, Float.NaN}) {
            assertThat(call("clamp", floats, x, -1f, 1f)).isEqualTo(Math.clamp(x, -1f, 1f));
            assertThat(call("clamp", floats, x, 0f, 1f)).isEqualTo(Math.clamp(x, 0f, 1f));
        }
        assertThatThrownBy(() -> call("clamp", floats, 0f, 1f, Float.NaN)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> call("clamp", floats, 0f, 1f, -1f)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void listsHaveTheirEnds() throws Exception {
        Class<?>[] list = {List.class};
        assertThat(call("getFirst", list, List.of(1, 2, 3))).isEqualTo(1);
        assertThat(call("getLast", list, List.of(1, 2, 3))).isEqualTo(3);
        assertThat(call("reversed", list, List.of(1, 2, 3))).isEqualTo(List.of(3, 2, 1));
        assertThatThrownBy(() -> call("getFirst", list, List.of())).isInstanceOf(NoSuchElementException.class);
    }

    @Test
    void aSwitchTakesTheSameLabel() throws Throwable {
        MethodType type = MethodType.methodType(int.class, Object.class, int.class);
        Object[] labels = {Integer.class, "a", CharSequence.class, String.class, 7, Object.class};
        CallSite ours = (CallSite) substitute("here.Java17$SwitchBootstraps")
                .getMethod("typeSwitch", MethodHandles.Lookup.class, String.class, MethodType.class, Object[].class)
                .invoke(null, MethodHandles.lookup(), "typeSwitch", type, labels);
        CallSite jdks = SwitchBootstraps.typeSwitch(MethodHandles.lookup(), "typeSwitch", type, labels);
        for (Object value : Stream.of(7, "a", "b", 'x', 2.0, List.of(), new StringBuilder()).toList()) {
            for (int from = 0; from <= labels.length; from++) {
                assertThat((int) ours.getTarget().invokeExact(value, from)).as("%s from %d", value, from)
                        .isEqualTo((int) jdks.getTarget().invokeExact(value, from));
            }
        }
        Object none = null;
        assertThat((int) ours.getTarget().invokeExact(none, 0)).isEqualTo(-1);
    }

    @Test
    void aSwitchOverAnEnumTakesTheSameLabel() throws Throwable {
        MethodType type = MethodType.methodType(int.class, TimeUnit.class, int.class);
        Object[] labels = {"DAYS", "HOURS", TimeUnit.class};
        CallSite ours = (CallSite) substitute("here.Java17$SwitchBootstraps")
                .getMethod("enumSwitch", MethodHandles.Lookup.class, String.class, MethodType.class, Object[].class)
                .invoke(null, MethodHandles.lookup(), "enumSwitch", type, labels);
        CallSite jdks = SwitchBootstraps.enumSwitch(MethodHandles.lookup(), "enumSwitch", type, labels);
        for (TimeUnit value : TimeUnit.values()) {
            for (int from = 0; from <= labels.length; from++) {
                assertThat((int) ours.getTarget().invokeExact(value, from)).as("%s from %d", value, from)
                        .isEqualTo((int) jdks.getTarget().invokeExact(value, from));
            }
        }
    }

    private Map<String, byte[]> lower(String source, String... classes) throws IOException {
        Path file = Files.writeString(directory.resolve("Source.java"), source);
        assertThat(
                ToolProvider.getSystemJavaCompiler().run(null, null, null, "-d", directory.toString(), file.toString()))
                .isZero();
        Map<String, byte[]> files = new HashMap<>();
        for (String name : classes) {
            files.put(name + ".class", Files.readAllBytes(directory.resolve(name + ".class")));
        }
        try (URLClassLoader known = new URLClassLoader(new URL[]{directory.toUri().toURL()})) {
            return new LoweredClasses(new JavaApi(17), ClassDesc.of("here.Java17"), ModuleFiles.read(compiled), known)
                    .lower(files);
        }
    }

    @Test
    void whatJava17LacksAndHasNoSubstituteIsNamed() {
        assertThatThrownBy(() -> lower("""
                class Newer {
                    static String[] parts(String text) {
                        return text.splitWithDelimiters(",", 0);
                    }
                }
                """, "Newer")).isInstanceOf(IllegalStateException.class).hasMessageContaining("Newer uses ")
                .hasMessageContaining("splitWithDelimiters");
    }

    @Test
    void aClassThatReachesOneForJava25OnlyIsNamed() throws IOException {
        String newer = """
                final class Newer implements Either {
                    static int version() {
                        return java.lang.classfile.ClassFile.latestMajorVersion();
                    }
                }
                final class Older implements Either {}
                sealed interface Either permits Newer, Older {}
                """;
        assertThat(lower(newer, "Newer", "Older", "Either")).containsOnlyKeys("Older.class", "Either.class");
        assertThatThrownBy(() -> lower(newer + """
                class User {
                    int version() {
                        return Newer.version();
                    }
                }
                """, "Newer", "Older", "Either", "User")).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("User uses Newer, which is for Java 25 only");
    }
}
