package io.tidegrad.release;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The licences of all that the archive holds: a list of the libraries, the licences' texts, and what the libraries'
/// jars say themselves.
final class Licences {
    private static final Pattern OWN_WORDS = Pattern
            .compile("(?i)(META-INF/)?((licen[sc]e|notice|copying|copyright)[^/]*|licen[sc]es?/.+)(?<!\\.class)");

    /// As SPDX and CycloneDX name them: what is shipped may be used and passed on under one of these.
    private static final Set<String> ALLOWED =
            Set.of("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "EPL-2.0", "Go License", "MIT");

    private Licences() {}

    /// @param billOfMaterials CycloneDX, JSON, with the licences' texts
    /// @throws IllegalStateException if a library is under none of the allowed licences
    static void write(Path billOfMaterials, List<Path> jars, Path directory) throws IOException {
        Map<String, String> lines = new TreeMap<>();
        Map<String, String> texts = new TreeMap<>();
        List<String> refused = new ArrayList<>();
        for (JsonNode library : new ObjectMapper().readTree(billOfMaterials.toFile()).path("components")) {
            String name = String.join(":", library.path("group").asText(), library.path("name").asText(),
                    library.path("version").asText());
            List<String> licences = new ArrayList<>();
            boolean allowed = false;
            for (JsonNode choice : library.path("licenses")) {
                JsonNode licence = choice.path("license");
                String id = Stream.of(licence.path("id"), licence.path("name"), choice.path("expression"))
                        .map(JsonNode::asText).filter(text -> !text.isBlank()).findFirst().orElse("");
                if (id.isEmpty()) {
                    continue;
                }
                allowed |= Stream.of(id.split(" OR ")).anyMatch(ALLOWED::contains);
                licences.add(id + (licence.has("url") ? " (" + licence.path("url").asText() + ")" : ""));
                JsonNode text = licence.path("text");
                if (!text.isMissingNode()) {
                    texts.put(id, decoded(text));
                }
            }
            if (!allowed) {
                refused.add(name + " under " + (licences.isEmpty() ? "none" : licences));
            }
            lines.put(name, String.join(" or ", licences));
        }
        if (!refused.isEmpty()) {
            throw new IllegalStateException(
                    "expected each shipped library under one of the licences " + new TreeSet<>(ALLOWED) + ", found "
                            + refused + "; leave it out, or allow its licence in " + Licences.class.getSimpleName());
        }
        StringBuilder list = new StringBuilder();
        lines.forEach((name, licences) -> list.append(name).append("  ").append(licences).append('\n'));
        Files.createDirectories(directory.resolve("texts"));
        Files.writeString(directory.resolve("LIBRARIES.txt"), list);
        for (Map.Entry<String, String> text : texts.entrySet()) {
            Files.writeString(directory.resolve("texts").resolve(text.getKey().replace('/', '-') + ".txt"),
                    text.getValue());
        }
        for (Path jar : jars) {
            for (Map.Entry<String, byte[]> file : ModuleFiles.read(jar).entrySet()) {
                if (OWN_WORDS.matcher(file.getKey()).matches()) {
                    Path to = directory.resolve("jars").resolve(String.valueOf(jar.getFileName()))
                            .resolve(file.getKey().replaceFirst("^META-INF/", ""));
                    Files.createDirectories(to.getParent());
                    Files.write(to, file.getValue());
                }
            }
        }
    }

    private static String decoded(JsonNode text) {
        String content = text.path("content").asText();
        return text.path("encoding").asText().equals("base64")
                ? new String(Base64.getDecoder().decode(content), StandardCharsets.UTF_8) : content;
    }
}
