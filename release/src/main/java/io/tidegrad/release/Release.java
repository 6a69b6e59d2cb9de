package io.tidegrad.release;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/// Makes what the archive holds beside our jars: run by the profile `distribution`, on the class path of the command
/// line.
final class Release {
    private Release() {}

    /// @param arguments the root of the sources, the version, a CycloneDX bill of materials, and the directory to write
    ///     into
    public static void main(String[] arguments) throws IOException {
        Path root = Path.of(arguments[0]);
        String version = arguments[1];
        Path to = Path.of(arguments[3]);
        // What an earlier run left would be part of this one.
        delete(to);
        List<Path> classPath = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(path -> path.endsWith(".jar")).map(Path::of).toList();
        Libraries.of(root).require(classPath);
        Licences.write(Path.of(arguments[2]), classPath, to.resolve("licences"));
        new MavenRepository(to.resolve("repository"), version).write(root,
                name -> root.resolve(name + "/target/" + name + "-" + version + ".jar"), classPath,
                to.resolve("between"));
        delete(to.resolve("between"));
    }

    private static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        List<Path> files;
        try (Stream<Path> found = Files.walk(directory)) {
            files = found.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path file : files) {
            Files.delete(file);
        }
    }
}
