package io.tidegrad.release;

import java.io.IOException;
import java.io.StringWriter;
import java.lang.constant.ClassDesc;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/// Makes of a module's jar for Java 25 one that Java 17 and newer take. From 25 on the JVM loads the classes that the
/// module was compiled to, with the vector kernels; below it loads those of [LoweredClasses].
final class Java17Jar {
    private static final String VERSIONED = "META-INF/versions/25/";
    private static final String MODULE = "module-info.class";

    private final JavaApi api = new JavaApi(17);
    private final Path work;

    /// @param work directory for files in between
    Java17Jar(Path work) {
        this.work = work;
    }

    /// @param module the module's jar, or its directory of classes
    /// @param packageName the module's own package
    /// @param classPath what the module's classes know
    void make(Path module, String packageName, List<Path> classPath, Path jar) throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        Map<String, byte[]> classes = new TreeMap<>();
        ModuleFiles.read(module).forEach((name, bytes) -> (name.endsWith(".class") ? classes : files).put(name, bytes));
        files.remove("META-INF/MANIFEST.MF");

        Path compiled = compileSubstitutes(packageName);
        Map<String, byte[]> substitutes = ModuleFiles.read(compiled);
        List<URL> known = new ArrayList<>(List.of(module.toUri().toURL(), compiled.toUri().toURL()));
        for (Path path : classPath) {
            known.add(path.toUri().toURL());
        }
        try (URLClassLoader others = new URLClassLoader(known.toArray(URL[]::new))) {
            files.putAll(
                    new LoweredClasses(api, ClassDesc.of(packageName, "Java17"), substitutes, others).lower(classes));
        }
        files.putAll(substitutes);
        classes.forEach((name, bytes) -> {
            if (!name.equals(MODULE)) {
                files.put(VERSIONED + name, bytes);
            }
        });
        ModuleFiles.writeJar(jar, Map.of("Multi-Release", "true"), files);
    }

    Path compileSubstitutes(String packageName) throws IOException {
        String template;
        try (var in = Objects.requireNonNull(Java17Jar.class.getResourceAsStream("/Java17.java.template"))) {
            template = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        Path sources = Files.createDirectories(work.resolve("sources").resolve(packageName));
        Path source = Files.writeString(sources.resolve("Java17.java"), template.replace("PACKAGE", packageName));
        Path classes = Files.createDirectories(work.resolve("classes").resolve(packageName));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
            boolean done = compiler.getTask(messages, manager, null,
                    List.of("--release", "17", "-proc:none", "-d", classes.toString()), null,
                    manager.getJavaFileObjects(source)).call();
            if (!done) {
                throw new IllegalStateException("the substitutes for Java 17 don't compile: " + messages);
            }
        }
        return classes;
    }
}
