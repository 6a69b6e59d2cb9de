package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.RollbackLoad;
import io.tidegrad.localstack.Json;
import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Real processes, few events: what is counted, never a time. That scorers answer all the time, and the bits of a fold
/// without the hour, are what the load test itself insists on.
@Tag("load")
@LongProof("a load smoke: a trainer, two scorers and two commands as processes")
class RollbackLoadTest {
    @Test
    void aPoisonedHourIsTakenOutThreeHoursLaterAndAPublishedVersionIsGoneBackTo() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
            new RollbackLoad(List.of(Tidegrad.class.getName(), "models", "rollback"), 500, true, out,
                    new PrintStream(OutputStream.nullOutputStream())).run();
        }
        List<String> lines = bytes.toString(StandardCharsets.UTF_8).lines().toList();
        assertThat(lines).hasSize(2);
        JsonNode made = Json.parse(lines.getFirst());
        assertThat(made.path("skipped").asLong()).isEqualTo(500);
        assertThat(made.path("made_from").asText()).startsWith("its beginning, and the log from offset 0 on");
        assertThat(made.path("answers_after_s_all")).hasSize(2);
        JsonNode published = Json.parse(lines.getLast());
        assertThat(published.path("skipped").asLong(-1)).isZero();
        assertThat(published.path("made_from").asText()).isEqualTo("a published version");
    }
}
