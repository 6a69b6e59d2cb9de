package io.tidegrad.loadtests.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Names;
import io.tidegrad.localstack.Json;
import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Real processes, few requests: what is counted and compared, never a time.
class ScoreLoadTest {
    private static ScoreLoad.Options options(double rate, int connections, ScoreLoad.Part... parts) {
        return new ScoreLoad.Options(List.of(parts), List.of(ScoredModel.FLIGHTS), 1, rate, connections, Duration.ZERO,
                Path.of(""), true);
    }

    private static List<JsonNode> run(ScoreLoad.Options options) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
            new ScoreLoad(options, (model, parameters) -> new byte[0], out,
                    new PrintStream(OutputStream.nullOutputStream())).run();
        }
        List<JsonNode> lines = new ArrayList<>();
        for (String line : bytes.toString(StandardCharsets.UTF_8).lines().toList()) {
            JsonNode json = Json.parse(line);
            assertThat(json.path("model").asText()).isEqualTo("flights");
            assertThat(line).doesNotContain("NaN");
            lines.add(json);
        }
        return lines;
    }

    @Tag("load")
    @LongProof("a load smoke")
    @Test
    void everyAnswerOverHttpIsThatOfTheVersionItNames() throws Exception {
        List<JsonNode> lines = run(options(200, 4, ScoreLoad.Part.HTTP, ScoreLoad.Part.SWAPS, ScoreLoad.Part.OVERLOAD));
        assertThat(lines).extracting(line -> line.path("part").asText()).containsExactly("throughput", "swaps",
                "overload", "http", "http");
        for (int protocol = 0; protocol < 2; protocol++) {
            JsonNode line = lines.get(3 + protocol);
            assertThat(line.path("protocol").asText()).isEqualTo(protocol == 0 ? "v1" : "v2");
            // Without swaps, with as much published beside, with swaps.
            assertThat(line.path("requests").asLong()).isEqualTo(600);
            assertThat(line.path("answers_verified").asLong()).isEqualTo(600);
            assertThat(line.path("versions_admitted").asLong()).isPositive();
            assertThat(line.path("swaps_p50_ms").asDouble()).isPositive();
            assertThat(line.path("swaps_p99_ms").asDouble())
                    .isGreaterThanOrEqualTo(line.path("swaps_p50_ms").asDouble());
        }
        // Latencies come last, for what publishes then does so in the idle class.
        for (String server : new String[]{"v1", "v2", "bare_v1", "bare_v2"}) {
            assertThat(lines.getFirst().path(server + "_per_s").asDouble()).isPositive();
        }
        JsonNode swaps = lines.get(1);
        assertThat(swaps.path("answers").asLong()).isPositive();
        assertThat(swaps.path("answers_verified").asLong()).isEqualTo(swaps.path("answers").asLong());
        assertThat(swaps.path("records_verified").asLong()).isEqualTo(4 * swaps.path("answers").asLong());
        assertThat(swaps.path("versions_admitted").asLong()).isPositive();
        JsonNode overload = lines.get(2);
        assertThat(overload.path("answers").asLong()).isPositive();
        assertThat(overload.path("answers_verified").asLong()).isEqualTo(overload.path("answers").asLong());
        assertThat(overload.path("requests").asLong()).isEqualTo(Math.round(overload.path("due_per_s").asDouble()));
    }

    @Tag("load")
    @LongProof("a load smoke")
    @Test
    void inProcessARecordAllocatesNothingAndEveryAnswerIsThatOfItsVersion() throws Exception {
        JsonNode line = run(options(200, 4, ScoreLoad.Part.IN_PROCESS)).getFirst();
        assertThat(line.path("part").asText()).isEqualTo("in-process");
        assertThat(line.path("weights").asLong()).isGreaterThan(50_000);
        assertThat(line.path("bytes_per_call").asDouble(-1)).isZero();
        // No swaps, full snapshots, deltas; full snapshots once more where a core could be kept.
        int windows = line.path("core_of_its_own").asBoolean() ? 4 : 3;
        assertThat(line.path("swaps").asLong()).isEqualTo(50 * (windows - 1));
        assertThat(line.path("answers_verified").asLong())
                .isEqualTo(windows * Math.round(line.path("calls_per_s").asDouble()));
        assertThat(line.path("featurizer_share").asDouble()).isBetween(0.0, 1.0);
    }

    @Test
    void whatCannotBeMeasuredIsRefusedByItsName() {
        assertThatThrownBy(() -> options(0, 4, ScoreLoad.Part.HTTP)).hasMessage("--rate expects 1 to 200,000, found 0");
        assertThatThrownBy(() -> options(1, 0, ScoreLoad.Part.HTTP))
                .hasMessage("--connections expects 1 to 512, found 0");
        assertThatThrownBy(() -> options(1, 1)).hasMessage("--part and --model expect at least one, found none");
        assertThatThrownBy(() -> Names.named("--part", ScoreLoad.Part.class, "https")).hasMessage(
                "--part expects some of [in-process, http, swaps, overload, onnx-runtime, log], found 'https'");
        assertThatThrownBy(() -> Names.named("--model", ScoredModel.class, "w9"))
                .hasMessage("--model expects some of [flights, w1, w2], found 'w9'");
    }
}
