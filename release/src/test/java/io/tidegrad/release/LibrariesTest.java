package io.tidegrad.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibrariesTest {
    private static final Path ROOT = Path.of(System.getProperty("tidegrad.root"));

    /// What the command line has on its class path, and the archive in `lib`.
    private static List<Path> shipped() throws IOException {
        try (Stream<Path> jars = Files.list(ROOT.resolve("cli/target/lib"))) {
            return jars.sorted().toList();
        }
    }

    @Test
    void whatIsShippedIsWhatIsListed() throws IOException {
        Libraries.of(ROOT).require(shipped());
    }

    @Test
    void eachLibraryIsBroughtByADependencyWithAReason() throws IOException {
        String reasons = Files.readString(ROOT.resolve("docs/dependencies.md"));
        for (Libraries.Listed listed : Libraries.of(ROOT).all()) {
            String reason = listed.reason();
            assertThat(reasons).as(listed.library())
                    .containsPattern("`(" + reason + "|" + reason.substring(reason.indexOf(':') + 1) + ")`");
        }
    }

    /// Several of Kafka's jars bring it, and each has to be told not to.
    @Test
    void log4jHasNoBackEndAmongWhatIsShipped() throws IOException {
        assertThat(shipped()).isNotEmpty().noneMatch(jar -> jar.getFileName().toString().startsWith("log4j-core"));
    }

    @Test
    void aJarThatIsUnknownMissingOrChangedIsNamed(@TempDir Path directory) throws IOException {
        List<Path> jars = new ArrayList<>(shipped());
        Path avro =
                jars.stream().filter(jar -> jar.getFileName().toString().startsWith("avro-")).findFirst().orElseThrow();
        Path picocli = jars.stream().filter(jar -> jar.getFileName().toString().startsWith("picocli-")).findFirst()
                .orElseThrow();
        jars.removeAll(List.of(avro, picocli));
        jars.add(jar(directory.resolve(avro.getFileName()), "org/apache/avro/Schema.class"));
        jars.add(jar(directory.resolve("stowaway-1.jar"), "Stowaway.class"));
        jars.add(jar(directory.resolve("ours-1.jar"), "io/tidegrad/Ours.class"));
        assertThatThrownBy(() -> Libraries.of(ROOT).require(jars)).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(avro.getFileName() + ": expected the SHA-256")
                .hasMessageContaining("stowaway-1.jar: expected a line")
                .hasMessageContaining("info.picocli:picocli:4.7.7: expected its jar, found none")
                .hasMessageNotContaining("ours-1");
    }

    private static Path jar(Path file, String entry) throws IOException {
        try (OutputStream out = Files.newOutputStream(file); JarOutputStream jar = new JarOutputStream(out)) {
            jar.putNextEntry(new ZipEntry(entry));
        }
        return file;
    }
}
