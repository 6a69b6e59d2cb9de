package io.tidegrad.cli.golden;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.LongProof;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GoldenTest {
    private static final Path CASES = Path.of("src/test/resources/golden");

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder = Path.of("");

    private int run(String... arguments) {
        return Golden.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(arguments);
    }

    private Path copy(String name) throws IOException {
        Path file = folder.resolve(name + ".json");
        Files.copy(CASES.resolve(name + ".json"), file);
        return file;
    }

    /// A case of a kind that nobody has heard of.
    private void copyAs(String name, String kind) throws IOException {
        String text = Files.readString(CASES.resolve(name + ".json"));
        Files.writeString(folder.resolve(name + ".json"),
                text.replaceFirst("\"kind\": \"\\w+\"", "\"kind\": \"" + kind + "\""));
    }

    @Test
    void casesThatPassAreCountedAndOthersToldInTheOrderOfNames() throws IOException {
        copy("optimizer_sgd");
        copyAs("metric_binary", "wobble");
        copyAs("drift_ddm", "shift");
        Files.writeString(folder.resolve("README.md"), "not a case");

        assertThat(run(folder.toString())).isZero();
        assertThat(out.toString().lines()).containsExactly("SKIP drift_ddm: kind shift",
                "SKIP metric_binary: kind wobble", "1 passed, 0 failed, 2 skipped");
    }

    @Test
    void aWrongNumberIsALineAndStatusOne() throws IOException {
        copyAs("drift_ddm", "shift");
        Path file = copy("optimizer_sgd");
        String text = Files.readString(file);
        int losses = text.indexOf("\"losses\"");
        int first = text.indexOf('[', losses) + 1;
        Files.writeString(file, text.substring(0, first) + "9" + text.substring(first));

        assertThat(run(folder.toString())).isEqualTo(1);
        List<String> lines = out.toString().lines().toList();
        assertThat(lines).hasSize(3);
        assertThat(lines.get(1)).matches("FAIL optimizer_sgd: losses, step 1, got \\d\\.\\d+, want 9.+ ± .+");
        assertThat(lines.get(2)).isEqualTo("0 passed, 1 failed, 1 skipped");
    }

    @Test
    void theFilterIsAGlobOverNames() {
        assertThat(run(CASES.toString(), "--filter", "{layer_dense*,drift_ddm}")).isZero();
        assertThat(out.toString().lines()).containsExactly("4 passed, 0 failed, 0 skipped");
    }

    @Test
    void helpGoesToStandardOutput() {
        assertThat(run("--help")).isZero();
        assertThat(out.toString()).contains("Usage: tidegrad golden");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void aMissingFolderIsOneLineAndStatusTwo() {
        assertThat(run()).isEqualTo(2);
        assertThat(err.toString()).matches("tidegrad: .*--help.*\\R");
        assertThat(out.toString()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"no-such-folder", "pom.xml", "src/test/resources/golden --filter nothing_like_it",
        "src/test/resources/golden --filter [", "src/test/resources"})
    void aFolderWithoutCasesIsAMistakeOfUsage(String arguments) {
        assertThat(run(arguments.split(" "))).isEqualTo(2);
        assertThat(err.toString().lines()).hasSize(1);
        assertThat(err.toString()).startsWith("tidegrad: ").contains("expected");
        assertThat(out.toString()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[1, 2]", "{\"schema\": 1, \"schema\": 1}", "{\"schema\": NaN}"})
    void aFileThatIsNoCaseIsAMistakeOfUsage(String text) throws IOException {
        Files.writeString(folder.resolve("broken.json"), text);

        assertThat(run(folder.toString())).isEqualTo(2);
        assertThat(err.toString().lines()).hasSize(1);
        assertThat(err.toString()).startsWith("tidegrad: " + folder.resolve("broken.json") + ": ").contains("expected")
                .contains("found");
    }

    /// Kernels of this machine and of others, each in a JVM of its own as in production. Quick tests have scalar ones.
    @LongProof("a JVM for each vector width")
    @ParameterizedTest
    @ValueSource(strings = {"scalar", "128", "native"})
    void kernelsOfEachWidthPass(String kernels) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules", "jdk.incubator.vector",
                kernels.equals("native") ? "-Dnothing" : "-Dtidegrad.kernels=" + kernels, "-cp",
                System.getProperty("java.class.path"), Golden.class.getName(), CASES.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor()).as(output).isZero();
        assertThat(output.lines().toList().getLast()).isEqualTo("129 passed, 0 failed, 0 skipped");
    }
}
