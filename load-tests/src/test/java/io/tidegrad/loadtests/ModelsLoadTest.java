package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.localstack.Json;
import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Real processes, few models: what is counted, never a speed. That all end with the bits of a replay is what the load
/// test itself insists on.
@Tag("load")
@LongProof("a load smoke: many models in one trainer")
class ModelsLoadTest {
    @Test
    void modelsSideBySideLearnTheSameBitsAndBeginNoTransactionWithoutEvents() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
            new ModelsLoad(4, Duration.ofSeconds(3), 501, true, out, new PrintStream(OutputStream.nullOutputStream()))
                    .run();
        }
        JsonNode json = Json.parse(bytes.toString(StandardCharsets.UTF_8));
        assertThat(json.path("models").asInt()).isEqualTo(4);
        assertThat(json.path("events_a_model").asLong()).isEqualTo(501);
        assertThat(json.path("idle_transaction_records").asLong(-1)).isZero();
        assertThat(json.path("idle_core_share_a_model").asDouble()).isPositive();
        assertThat(json.path("events_per_s").asDouble()).isPositive();
    }
}
