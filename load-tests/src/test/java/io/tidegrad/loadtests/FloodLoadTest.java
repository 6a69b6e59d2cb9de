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

/// Real processes that may have 256 files open, under four floods of connections each, the scorer over HTTP and over
/// gRPC.
@LongProof("a load smoke: floods of connections")
class FloodLoadTest {
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
        assertThat(rows).hasSize(3 * Flood.values().length);
        long ofGrpc = 0;
        for (JsonNode row : rows) {
            assertThat(row.path("alive").asBoolean()).as("%s", row).isTrue();
            long answered = row.path("answered").asLong();
            long connected = row.path("connections_answered").asLong();
            if (row.path("server").asText().equals("gRPC")) {
                // A connection of gRPC begins with three messages to and fro, and has a place for 50 ms while 500
                // others a second come for the 28 that 256 files leave: in one second of a busy machine perhaps none is
                // so fast.
                ofGrpc += answered + connected;
            } else {
                assertThat(answered).as("%s", row).isPositive();
                assertThat(connected).as("%s", row).isPositive();
            }
            assertThat(row.path("open_files_max").asLong()).as("%s", row).isLessThan(256);
            assertThat(row.path("connections_opened").asLong() == 0).as("%s", row)
                    .isEqualTo(row.path("flood").asText().equals("calm"));
            if (row.path("flood").asText().equals("calm")) {
                assertThat(row.path("failed").asLong()).as("%s", row).isZero();
                assertThat(row.path("connections_refused").asLong()).as("%s", row).isZero();
                assertThat(answered * connected).as("%s", row).isPositive();
            }
        }
        assertThat(ofGrpc).as("%s", rows).isPositive();
    }

    /// One that is started again knows its newest snapshot before it runs.
    @Test
    void aTrainerThatIsNotHealthyYetIsNotMeasured() throws Exception {
        String health = "{\"status\": \"%s\", \"models\": [{\"published_version\": %d}]}";
        assertThat(FloodLoad.isReady(Json.parse(health.formatted("DOWN", 2_000)))).isFalse();
        assertThat(FloodLoad.isReady(Json.parse(health.formatted("UP", 1_999)))).isFalse();
        assertThat(FloodLoad.isReady(Json.parse(health.formatted("UP", 2_000)))).isTrue();
    }
}
