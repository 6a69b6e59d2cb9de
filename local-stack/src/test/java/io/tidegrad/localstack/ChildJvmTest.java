package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
}
