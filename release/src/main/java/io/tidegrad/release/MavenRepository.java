package io.tidegrad.release;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// A directory that Maven and Gradle take as a repository: the embeddable scorer, what it needs of ours, and the BOM.
final class MavenRepository {
    /// Each needs only modules before it.
    static final List<String> MODULES = List.of("schemas", "engine", "model", "control", "scorer");

    private static final String PARENT = "tidegrad";
    private static final String BOM = "tidegrad-bom";
    private static final Map<String, String> CHECKSUMS = Map.of("sha1", "SHA-1", "sha256", "SHA-256");

    private final Path directory;
    private final String version;

    MavenRepository(Path directory, String version) {
        this.directory = directory;
        this.version = version;
    }

    /// @param root of the sources, whose POMs are published as they are
    /// @param module finds a module's jar for Java 25, or its directory of classes
    /// @param classPath what the modules' classes know
    /// @param work directory for files in between
    void write(Path root, Function<String, Path> module, List<Path> classPath, Path work) throws IOException {
        Java17Jar jars = new Java17Jar(work);
        for (String name : MODULES) {
            jars.make(module.apply(name), "io.tidegrad." + name, classPath, created(name, "jar"));
            checksums(created(name, "jar"));
            publish(root.resolve(name).resolve("pom.xml"), name);
        }
        publish(root.resolve("pom.xml"), PARENT);
        publish(root.resolve("release/src/main/bom/pom.xml"), BOM);
    }

    Path jar(String module) {
        return file(module, "jar");
    }

    private Path file(String artifact, String extension) {
        return directory.resolve("io/tidegrad").resolve(artifact).resolve(version)
                .resolve(artifact + "-" + version + "." + extension);
    }

    private Path created(String artifact, String extension) throws IOException {
        Path file = file(artifact, extension);
        Files.createDirectories(file.getParent());
        return file;
    }

    private void publish(Path pom, String artifact) throws IOException {
        Path to = created(artifact, "pom");
        Files.copy(pom, to, StandardCopyOption.REPLACE_EXISTING);
        checksums(to);
    }

    private static void checksums(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        for (Map.Entry<String, String> checksum : CHECKSUMS.entrySet()) {
            Files.writeString(file.resolveSibling(file.getFileName() + "." + checksum.getKey()),
                    hash(checksum.getValue(), bytes));
        }
    }

    static String hash(String algorithm, byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // each JDK has both
        }
    }
}
