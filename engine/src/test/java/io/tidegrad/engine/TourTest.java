package io.tidegrad.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The README's example of the engine alone, a part of `docs/Tour.java`.
class TourTest {
    private static final Path TOUR = Path.of("../docs/Tour.java");

    @Test
    void theReadmeShowsAPartOfTheProgramThatIsTested() throws IOException {
        String readme = Files.readString(Path.of("../README.md"));
        String shown = readme.substring(readme.indexOf("```java\n") + "```java\n".length());
        shown = shown.substring(0, shown.indexOf("```"));
        assertThat(Files.readString(TOUR)).contains(shown.indent(4));
        assertThat(shown).contains("new NetworkSpec(").contains("learner.learn(batch)");
    }

    @Test
    void theTourPrintsAFallingLossAndPredictsWhatItLearned() throws Exception {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules", "jdk.incubator.vector", "-cp", "target/classes", TOUR.toString())
                .redirectErrorStream(true).start();
        List<String> output;
        try (var reader = process.inputReader()) {
            output = reader.lines().filter(line -> !line.startsWith("WARNING: ")).toList();
        }

        assertThat(process.waitFor()).as("%s", output).isZero();
        assertThat(output).hasSize(5);
        assertThat(loss(output.get(3))).isLessThan(loss(output.get(0))).isLessThan(0.01);
        assertThat(output.getLast()).isIn("label 0, predicted 0.000", "label 1, predicted 1.000");
    }

    private static double loss(String line) {
        return Double.parseDouble(line.substring(line.indexOf("loss ") + 5));
    }
}
