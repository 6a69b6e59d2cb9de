package io.tidegrad.release;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarFile;

/// The libraries that are shipped, as `build/libraries.txt` lists them. What is not in that list, or has other bytes, is
/// not shipped: neither a library that another one brings without anybody's noticing, nor a jar that was changed on its
/// way.
final class Libraries {
    private final Map<String, Listed> byJar = new TreeMap<>();

    /// @param library `group:artifact:version`
    /// @param sha256 of its jar
    /// @param reason `group:artifact` of the dependency in `docs/dependencies.md` that brings it
    record Listed(String library, String sha256, String reason) {
        String jar() {
            String[] parts = library.split(":");
            return parts[1] + "-" + parts[2] + ".jar";
        }
    }

    private Libraries(List<String> lines) {
        for (String line : lines) {
            if (!line.isBlank() && !line.startsWith("#")) {
                String[] words = line.split(" ");
                Listed listed = new Listed(words[0], words[1], words[2]);
                byJar.put(listed.jar(), listed);
            }
        }
    }

    /// @param root of the sources
    static Libraries of(Path root) throws IOException {
        return new Libraries(Files.readAllLines(root.resolve("build/libraries.txt")));
    }

    List<Listed> all() {
        return List.copyOf(byJar.values());
    }

    /// @param jars all that is shipped; our own jars are passed over
    /// @throws IllegalStateException with each difference, as the lines to write and to delete
    void require(List<Path> jars) throws IOException {
        Map<String, Listed> missing = new TreeMap<>(byJar);
        List<String> problems = new ArrayList<>();
        for (Path jar : jars) {
            String name = String.valueOf(jar.getFileName());
            if (isOurs(jar)) {
                continue;
            }
            Listed listed = missing.remove(name);
            String sha256 = sha256(jar);
            if (listed == null) {
                problems.add(name + ": expected a line GROUP:ARTIFACT:VERSION " + sha256
                        + " REASON, where the reason is the dependency of docs/dependencies.md that brings it, found none");
            } else if (!listed.sha256().equals(sha256)) {
                problems.add(name + ": expected the SHA-256 " + listed.sha256() + ", found " + sha256
                        + ": it is not the jar that was listed. Find out who changed it before you list it anew");
            }
        }
        missing.values().forEach(
                each -> problems.add(each.library() + ": expected its jar, found none; delete the line if it is gone"));
        if (!problems.isEmpty()) {
            throw new IllegalStateException("build/libraries.txt: " + String.join("\n", problems));
        }
    }

    private static boolean isOurs(Path jar) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            return file.stream().anyMatch(entry -> entry.getName().startsWith("io/tidegrad/"));
        }
    }

    private static String sha256(Path file) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
                in.transferTo(OutputStream.nullOutputStream());
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
