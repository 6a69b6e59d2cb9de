package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.localstack.Json;
import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Real processes, few events: what is counted, and never a speed.
class StreamLoadTest {
    private static StreamLoad.Options options(long events, double rate) {
        return new StreamLoad.Options(List.of(StreamLoad.Part.RATES, StreamLoad.Part.LATENCY), events, rate,
                Duration.ofSeconds(2), Duration.ofSeconds(2), 2_000, 1, true, null);
    }

    @Tag("load")
    @LongProof("a load smoke")
    @Test
    void everyEventIsJoinedOnceAndIsServed() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        StreamLoad load;
        try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
            load = new StreamLoad(options(20_000, 100), out, new PrintStream(OutputStream.nullOutputStream()));
            load.run();
        }
        assertThat(load.violations()).isEmpty();
        assertThat(load.places()).isNotEmpty();
        List<JsonNode> results = new ArrayList<>();
        for (String line : bytes.toString(StandardCharsets.UTF_8).split("\n")) {
            results.add(Json.parse(line));
        }
        for (JsonNode rate : results.subList(0, 4)) {
            assertThat(rate.path("events_per_s").asDouble()).isPositive();
            assertThat(rate.path("of_copy").asDouble()).isPositive();
        }
        JsonNode latency = results.get(4);
        assertThat(latency.path("events").asInt()).isEqualTo(200);
        assertThat(latency.path("p50_ms").asDouble()).isPositive()
                .isGreaterThanOrEqualTo(latency.path("joined_p50_ms").asDouble());
    }

    @Test
    void whatCannotBeMeasuredIsRefusedByItsName() {
        assertThatThrownBy(() -> options(1, 100)).hasMessageStartingWith("--events expects 10,000 to");
        assertThatThrownBy(() -> options(20_000, 0)).hasMessageStartingWith("--rate expects 1 to");
    }
}
