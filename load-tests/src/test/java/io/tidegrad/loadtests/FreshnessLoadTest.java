package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

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

/// Real processes, few events: what is counted, and that the parts are one whole; never a speed.
class FreshnessLoadTest {
    private static FreshnessLoad.Options options(double rate, int seconds) {
        return new FreshnessLoad.Options(5_000, rate, Duration.ofSeconds(1), Duration.ofSeconds(seconds),
                Duration.ofMillis(100), 50, 3_000, true, true);
    }

    @Tag("load")
    @LongProof("a load smoke")
    @Test
    void everyEventIsFollowedToTheFirstAnswerThatKnowsIt() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
            new FreshnessLoad(options(200, 2), out, new PrintStream(OutputStream.nullOutputStream())).run();
        }
        JsonNode json = Json.parse(bytes.toString(StandardCharsets.UTF_8));
        assertThat(json.path("weights").asLong()).isBetween(5_000L, 5_007L);
        assertThat(json.path("events_per_s").asDouble()).isEqualTo(200);
        assertThat(json.path("events").asInt()).isEqualTo(400);
        for (String part : new String[]{"", "append_", "learn_and_commit_", "load_and_ask_"}) {
            double p50 = json.path(part + "p50_ms").asDouble(Double.NaN);
            double p99 = json.path(part + "p99_ms").asDouble(Double.NaN);
            assertThat(p99).isGreaterThanOrEqualTo(p50);
            assertThat(json.path(part + "max_ms").asDouble(Double.NaN)).isGreaterThanOrEqualTo(p99);
        }
        assertThat(json.path("p50_ms").asDouble()).isPositive();
        assertThat(json.path("versions_answered").asInt()).isGreaterThan(1);
        assertThat(json.path("backlog_events").asInt()).isEqualTo(3_000);
        assertThat(json.path("backlog_events_per_s").asDouble()).isPositive();
        assertThat(json.path("snapshot_bytes").asLong()).isPositive();
        double changelog = json.path("changelog_bytes_per_event").asDouble();
        assertThat(changelog).isPositive();
        String to = "written_bytes_per_event_to_";
        assertThat(json.path(to + "tidegrad-fresh-1-model-changelog").asDouble()).isGreaterThan(changelog);
        assertThat(json.has(to + "flights")).isFalse();
        double parts = json.propertyStream().filter(each -> each.getKey().startsWith(to))
                .mapToDouble(each -> each.getValue().asDouble()).sum();
        assertThat(json.path("written_bytes_per_event").asDouble()).isGreaterThan(changelog).isCloseTo(parts,
                within(1e-6 * parts));
        for (String cpu : new String[]{"trainer", "trainer_compilers", "counting"}) {
            assertThat(json.path(cpu + "_cpu_us_per_event").isNumber()).as(cpu).isTrue();
        }
    }

    @Test
    void whatCannotBeMeasuredIsRefusedByItsName() {
        assertThatThrownBy(() -> options(0, 2)).hasMessageStartingWith("--rate expects 0.1 to");
        assertThatThrownBy(() -> options(1, 0)).hasMessageStartingWith("--seconds expects 1 to");
        assertThatThrownBy(() -> options(1_000_000, 3_600)).hasMessageStartingWith("--rate x --seconds expects");
    }
}
