package io.tidegrad.release;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;

/// The files of a module, by name, from its jar or its directory of classes; and jars of such files, whose bytes depend
/// on nothing else.
final class ModuleFiles {
    /// The first that a jar can hold, whatever the time zone.
    private static final LocalDateTime NO_TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

    private ModuleFiles() {}

    /// @param module a jar, or a directory
    static Map<String, byte[]> read(Path module) throws IOException {
        if (Files.isDirectory(module)) {
            return below(module);
        }
        try (FileSystem jar = FileSystems.newFileSystem(module)) {
            return below(jar.getPath("/"));
        }
    }

    private static Map<String, byte[]> below(Path directory) throws IOException {
        List<Path> paths;
        try (Stream<Path> found = Files.walk(directory)) {
            paths = found.filter(Files::isRegularFile).toList();
        }
        Map<String, byte[]> files = new TreeMap<>();
        for (Path path : paths) {
            files.put(directory.relativize(path).toString().replace('\\', '/'), Files.readAllBytes(path));
        }
        return files;
    }

    /// @param main what the manifest says
    static void writeJar(Path jar, Map<String, String> main, Map<String, byte[]> files) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        new TreeMap<>(main).forEach(manifest.getMainAttributes()::putValue);
        try (OutputStream out = Files.newOutputStream(jar); JarOutputStream entries = new JarOutputStream(out)) {
            ZipEntry first = entry("META-INF/MANIFEST.MF");
            entries.putNextEntry(first);
            manifest.write(entries);
            for (Map.Entry<String, byte[]> file : new TreeMap<>(files).entrySet()) {
                entries.putNextEntry(entry(file.getKey()));
                entries.write(file.getValue());
            }
        }
    }

    private static ZipEntry entry(String name) {
        ZipEntry entry = new JarEntry(name);
        entry.setTimeLocal(NO_TIME);
        return entry;
    }
}
