package io.tidegrad.release;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The `java` programs of this machine, by release, found where the launcher looks for a JDK.
final class Jdks {
    private static final Pattern RELEASE = Pattern.compile("(?m)^JAVA_VERSION=\"(\\d+)");

    private Jdks() {}

    static Map<Integer, Path> found() throws IOException {
        List<Path> homes = new ArrayList<>();
        for (String directory : System.getenv("PATH").split(File.pathSeparator)) {
            Path java = Path.of(directory, "java");
            if (Files.isExecutable(java)) {
                homes.add(java.toRealPath().resolve("../..").normalize());
            }
        }
        for (String parent : List.of("/usr/lib/jvm", "/opt/java", System.getProperty("user.home") + "/.jdks",
                System.getProperty("user.home") + "/.sdkman/candidates/java")) {
            if (Files.isDirectory(Path.of(parent))) {
                try (Stream<Path> children = Files.list(Path.of(parent))) {
                    children.sorted().forEach(homes::add);
                }
            }
        }
        Map<Integer, Path> found =
                new TreeMap<>(Map.of(Runtime.version().feature(), java(Path.of(System.getProperty("java.home")))));
        for (Path home : homes) {
            release(home).ifPresent(release -> found.putIfAbsent(release, java(home)));
        }
        return found;
    }

    private static Path java(Path home) {
        return home.resolve("bin").resolve("java");
    }

    private static Optional<Integer> release(Path home) throws IOException {
        if (!Files.isExecutable(java(home)) || !Files.isRegularFile(home.resolve("release"))) {
            return Optional.empty();
        }
        Matcher release = RELEASE.matcher(Files.readString(home.resolve("release")));
        return release.find() ? Optional.of(Integer.valueOf(release.group(1))) : Optional.empty();
    }
}
