package io.tidegrad.release;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// POMs and documents name what is published.
class PublishedPomsTest {
    private static final Path ROOT = Path.of(System.getProperty("tidegrad.root"));
    private static final Pattern VERSION = Pattern.compile("<version>([^<]+)</version>");
    private static final Pattern COORDINATES = Pattern.compile("(?s)<!-- coordinates -->\\s*```xml\\s*(.*?)\\s*```");
    private static final Pattern ARTIFACT = Pattern.compile("<artifactId>([^<]+)</artifactId>");

    private static String read(String file) throws IOException {
        return Files.readString(ROOT.resolve(file)).replaceAll(">\\s+<", "><");
    }

    private static List<String> all(Pattern pattern, String text) {
        return pattern.matcher(text).results().map((MatchResult match) -> match.group(1)).toList();
    }

    @Test
    void theBomHasTheVersionAndAllModules() throws IOException {
        String bom = read("release/src/main/bom/pom.xml");
        assertThat(all(VERSION, bom).getFirst()).isEqualTo(all(VERSION, read("pom.xml")).getFirst());
        assertThat(all(ARTIFACT, bom)).containsAll(MavenRepository.MODULES).hasSize(MavenRepository.MODULES.size() + 1);
    }

    @Test
    void theDocumentationShowsTheCoordinatesOfTheExample() throws IOException {
        List<String> shown = all(COORDINATES, read("docs/scoring.md"));
        assertThat(shown).hasSize(1);
        assertThat(read("docs/examples/service/pom.xml")).contains(shown);
    }
}
