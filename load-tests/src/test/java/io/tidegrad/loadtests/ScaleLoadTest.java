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

/// What counts as the first thing that breaks, and with real processes that each step is measured; never a speed.
class ScaleLoadTest {
    private static ScaleLoad.Options options(ScaleLoad.Axis axis, long upTo, double rate) {
        return new ScaleLoad.Options(List.of(axis), upTo, rate, Duration.ofSeconds(1), 512, true);
    }

    private static List<JsonNode> run(ScaleLoad.Axis axis, long upTo) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
            new ScaleLoad(options(axis, upTo, 100), out, new PrintStream(OutputStream.nullOutputStream())).run();
        }
        List<JsonNode> steps = new ArrayList<>();
        for (String line : bytes.toString(StandardCharsets.UTF_8).lines().toList()) {
            steps.add(Json.parse(line));
        }
        return steps;
    }

    @Test
    void theFirstThingThatBreaksIsNamed() {
        assertThat(ScaleLoad.broken(1_000, 950, 300)).isEmpty();
        assertThat(ScaleLoad.broken(1_000, 890, 300)).isEqualTo("lag grows: 890 of 1,000 events a second are served");
        assertThat(ScaleLoad.broken(1_000, Double.NaN, 300)).startsWith("lag grows");
        assertThat(ScaleLoad.broken(1_000, 950, 2_600)).isEqualTo("a commit is too long: 2,600 ms of at most 2,500");
    }

    @Test
    void whatEndsAProcessIsNamedByTheLineThatSaysSo() {
        assertThat(ScaleLoad.broken("the trainer ended with status 3. The end of its log, x:\n"
                + "java.lang.OutOfMemoryError: Java heap space\n\tat io.tidegrad.X"))
                .isEqualTo("heap exhausted: java.lang.OutOfMemoryError: Java heap space");
        assertThat(ScaleLoad.broken("the trainer ended with status 64. The end of its log, x:\n"
                + "model scale: expected at most 8 fields, found 9\n"))
                .isEqualTo("refused or ended: model scale: expected at most 8 fields, found 9");
        assertThat(ScaleLoad.broken("expected events learned (5) to come nearer within 300 s, found 4"))
                .startsWith("stands still: expected events learned");
    }

    @Tag("load")
    @LongProof("a load smoke: two systems with one and two models as processes")
    @Test
    void eachStepIsASystemOfItsOwn() throws Exception {
        List<JsonNode> steps = run(ScaleLoad.Axis.MODELS, 2);
        assertThat(steps).hasSize(2);
        for (int step = 0; step < 2; step++) {
            JsonNode json = steps.get(step);
            assertThat(json.path("axis").asText()).isEqualTo("models");
            assertThat(json.path("value").asInt()).isEqualTo(step + 1);
            assertThat(json.path("loadtest").asText()).isEqualTo("scale");
            assertThat(json.path("p99_ms").asDouble()).isGreaterThanOrEqualTo(json.path("p50_ms").asDouble())
                    .isPositive();
            assertThat(json.path("heap_live_mb").asDouble()).isPositive();
            assertThat(json.path("topic_bytes_per_event").asDouble()).isPositive();
        }
    }

    @Tag("load")
    @LongProof("a load smoke: a system as processes, whose model reads more fields than those of the others")
    @Test
    void aModelOfMoreFieldsAnswersToo() throws Exception {
        List<JsonNode> steps = run(ScaleLoad.Axis.FIELDS, 5);
        assertThat(steps).hasSize(1);
        assertThat(steps.getFirst().path("p99_ms").asDouble()).isPositive();
    }

    @Test
    void whatCannotBeMeasuredIsRefusedByItsName() {
        assertThatThrownBy(() -> options(ScaleLoad.Axis.RATE, 2, 0)).hasMessageStartingWith("--rate expects 1 to");
    }
}
