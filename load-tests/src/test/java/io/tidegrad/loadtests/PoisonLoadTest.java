package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/// Real processes, few events: what is counted, never a speed. That all malformed events end in the dead letters and
/// none is learned is what the load test itself insists on.
@LongProof("a load smoke")
class PoisonLoadTest {
    @Test
    void everyMalformedEventIsTakenAndTold() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
            new PoisonLoad(ShippedStream.FLIGHTS, 2, 2_003, true, out, new PrintStream(OutputStream.nullOutputStream()))
                    .run();
        }
        JsonNode json = Json.parse(bytes.toString(StandardCharsets.UTF_8));
        assertThat(json.fieldNames()).toIterable().containsExactly("stream", "events", "good_events_per_s_all",
                "malformed_events_per_s_all", "malformed_to_good", "malformed_to_good_all", "loadtest", "machine");
        assertThat(json.path("stream").asText()).isEqualTo("flights");
        assertThat(json.path("events").asLong()).isEqualTo(2_003);
        for (String list : new String[]{"good", "malformed"}) {
            assertThat(json.path(list + "_events_per_s_all")).hasSize(2).allMatch(value -> value.asDouble() > 0);
        }
        assertThat(json.path("malformed_to_good_all")).hasSize(2);
    }
}
