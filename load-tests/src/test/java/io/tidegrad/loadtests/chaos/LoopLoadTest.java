package io.tidegrad.loadtests.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// That the comparison can fail is in `AsServedOracleTest`.
@Tag("load")
@LongProof("a load smoke: broker, scorer, joiner and trainer, each killed once")
class LoopLoadTest {
    @Test
    void everyAnswerThatWasLoggedCountsOnceThoughEachProcessIsKilled() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        LoopLoad load;
        try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
            load = new LoopLoad(new LoopLoad.Options(6_000, 100, 4, 1, 2, true), out, System.out);
            load.run();
        }
        assertThat(load.violations()).isEmpty();
        assertThat(bytes.toString(StandardCharsets.UTF_8)).contains("\"kills_of_scorer\":1")
                .contains("\"logged_twice\":0");
    }
}
