package io.tidegrad.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LetInTest {
    @TempDir
    Path stateDir;

    @Test
    void aNewStateDirectoryWasNeverLetIn() {
        assertThat(new LetIn(stateDir).recently()).isFalse();
        assertThat(new LetIn(stateDir.resolve("not-there")).recently()).isFalse();
    }

    @Test
    void theGraceLastsAnHourAndBeginsAnewWheneverKafkaLetsUsIn() throws Exception {
        LetIn letIn = new LetIn(stateDir);
        letIn.note();
        assertThat(new LetIn(stateDir).recently()).isTrue();
        Path file = stateDir.resolve("let-in");
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minus(LetIn.GRACE).minusSeconds(60)));
        assertThat(letIn.recently()).isFalse();
        new LetIn(stateDir).note();
        assertThat(letIn.recently()).isTrue();
    }

    @Test
    void aTimeFarInTheFutureIsNoGraceForEver() throws Exception {
        LetIn letIn = new LetIn(stateDir);
        letIn.note();
        Files.setLastModifiedTime(stateDir.resolve("let-in"),
                FileTime.from(Instant.now().plus(LetIn.GRACE).plusSeconds(60)));
        assertThat(letIn.recently()).isFalse();
    }
}
