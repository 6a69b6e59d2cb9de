package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.localstack.Json;
import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Real processes that may have 256 files open, under four floods of connections each.
@LongProof("a load smoke: floods of connections")
class FloodLoadTest {
    /// What a client waits for at most on a machine that does other things too; without bounds a scorer made it wait 7
    /// s and more.
    private static final double P99_MILLIS_MAX = 3_000;

    @Test
    void afterEveryFloodThePortAnswersAndDuringItAWellBehavedClientIsAnswered() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
            new FloodLoad(List.of(256), 1, true, out, new PrintStream(OutputStream.nullOutputStream())).run();
        }
        List<JsonNode> rows = new ArrayList<>();
        for (String line : bytes.toString(StandardCharsets.UTF_8).lines().toList()) {
            rows.add(Json.parse(line));
        }
        assertThat(rows).hasSize(2 * Flood.values().length);
        for (JsonNode row : rows) {
            assertThat(row.path("alive").asBoolean()).as("%s", row).isTrue();
            assertThat(row.path("answered").asLong()).as("%s", row).isPositive();
            assertThat(row.path("connections_answered").asLong()).as("%s", row).isPositive();
            assertThat(row.path("p99_ms").asDouble()).as("%s", row).isLessThan(P99_MILLIS_MAX);
            assertThat(row.path("open_files_max").asLong()).as("%s", row).isLessThan(256);
        }
    }
}
