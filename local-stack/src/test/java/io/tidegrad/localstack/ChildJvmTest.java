package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChildJvmTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    @TempDir
    Path logs;

    private ChildJvm start(Class<?> main) {
        return ChildJvm.run("trainer", List.of(), List.of(main.getName()), logs.resolve("out"), logs.resolve("err"));
    }

    public static final class Fails {
        public static void main(String[] arguments) {
            System.err.println("no such topic");
            System.exit(3);
        }
    }

    public static final class Works {
        public static void main(String[] arguments) {
            System.out.println("done");
        }
    }

    @Test
    void anEarlyEndIsToldWithItsStatusAndTheEndOfItsLog() {
        try (ChildJvm child = start(Fails.class)) {
            assertThatThrownBy(() -> child.finishes(LONG)).isInstanceOf(LocalStackException.class)
                    .hasMessageStartingWith("the trainer ended with status 3.")
                    .hasMessageContaining(logs.resolve("err").toString()).hasMessageEndingWith("no such topic");
            assertThatThrownBy(child::requireAlive).isInstanceOf(LocalStackException.class);
        }
    }

    @Test
    void whatItPrintsIsKept() throws InterruptedException {
        try (ChildJvm child = start(Works.class)) {
            assertThat(child.finishes(LONG)).isTrue();
        }
        assertThat(logs.resolve("out")).hasContent("done");
    }

    /// As by the launcher: LauncherTest says the same of the commands.
    @ParameterizedTest
    @CsvSource({"trainer, -XX:+AlwaysPreTouch", "trainer-2, -XX:+AlwaysPreTouch", "Kafka broker, ''", "joiner,",
        "joiner-2,", "scorer,", "scorer-2,", "console,"})
    void onlyWhatAnswersOrJoinsIsStartedWithoutHugePages(String name, @Nullable String besides) {
        List<String> flags = List.of("-Xmx64m", "-XX:+UseTransparentHugePages", "-XX:+UseSerialGC");
        List<String> line = ChildJvm.line(List.of("nice"), name, flags, List.of("a", "b"), List.of("Main", "x"));
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        String classPath = "a" + File.pathSeparator + "b";
        List<String> expected = new ArrayList<>(List.of("nice", java));
        expected.addAll(besides == null ? flags.stream().filter(flag -> !flag.contains("Huge")).toList() : flags);
        expected.addAll(besides == null || besides.isEmpty() ? List.of() : List.of(besides));
        expected.addAll(List.of("-cp", classPath, "Main", "x"));
        assertThat(line).isEqualTo(expected);
    }
}
