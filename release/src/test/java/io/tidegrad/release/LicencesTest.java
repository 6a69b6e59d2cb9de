package io.tidegrad.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LicencesTest {
    @TempDir
    Path directory;

    private Path write(String licences) throws IOException {
        Path bill = Files.writeString(directory.resolve("sbom.json"), """
                {"components": [{"group": "a.b", "name": "c", "version": "1", "licenses": %s}]}
                """.formatted(licences));
        Licences.write(bill, List.of(), directory.resolve("licences"));
        return directory.resolve("licences");
    }

    @Test
    void anIdANameAndAnExpressionAreAllNamed() throws IOException {
        Path licences = write("""
                [{"license": {"id": "MIT"}}, {"license": {"name": "BSD/other", "text": {"content": "as is"}}},
                 {"expression": "Apache-2.0 OR MIT"}]""");
        assertThat(licences.resolve("LIBRARIES.txt")).hasContent("a.b:c:1  MIT or BSD/other or Apache-2.0 OR MIT\n");
        assertThat(licences.resolve("texts/BSD-other.txt")).hasContent("as is");
    }

    @Test
    void aLibraryWithoutALicenceEndsTheBuild() {
        for (String none : List.of("[]", "[{}]", "[{\"license\": {\"name\": \"\"}}]", "[{\"expression\": \" \"}]")) {
            assertThatThrownBy(() -> write(none)).as(none).isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("found [a.b:c:1 under none];");
        }
    }

    @Test
    void aLibraryUnderNoneOfTheAllowedLicencesEndsTheBuild() throws IOException {
        for (String other : List.of("GPL-3.0-only", "MIT AND GPL-3.0-only")) {
            assertThatThrownBy(() -> write("[{\"expression\": \"" + other + "\"}]")).as(other)
                    .isInstanceOf(IllegalStateException.class).hasMessageContaining("licences [Apache-2.0, ")
                    .hasMessageContaining("found [a.b:c:1 under [" + other + "]];");
        }
        assertThat(write("[{\"expression\": \"GPL-2.0-only OR MIT\"}]").resolve("LIBRARIES.txt"))
                .hasContent("a.b:c:1  GPL-2.0-only OR MIT\n");
    }
}
