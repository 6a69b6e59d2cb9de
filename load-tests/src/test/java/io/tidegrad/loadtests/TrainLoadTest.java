package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.localstack.Json;
import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Real processes, few events: what is counted and compared, never a speed.
@Tag("load")
@LongProof("a load smoke: trainer, consumer, engine and replay, twice each")
class TrainLoadTest {
    private static final List<String> KEYS = List.of("stream", "mini_batch", "subject", "events", "events_per_s",
            "events_per_s_least", "events_per_s_most", "events_per_s_all", "seconds_all", "cpu_us_per_event_all",
            "broker_cpu_us_per_event_all");

    /// 10,004 events: the last mini-batch of 7 is not full, and only the tick behind it has it learned; and the digits
    /// begin again after 10,000, in the middle of a mini-batch.
    @Test
    void everySubjectTakesEveryEventAndTrainerEngineAndReplayLearnTheSame() throws Exception {
        List<JsonNode> lines = run(new TrainLoad.Options(List.of(TrainStream.FLIGHTS, TrainStream.DIGITS), List.of(7),
                2, 10_004, true, null));
        assertThat(lines).hasSize(8);
        for (int line = 0; line < lines.size(); line++) {
            JsonNode json = lines.get(line);
            Subject subject = Subject.values()[line % 4];
            assertThat(json.path("stream").asText()).isEqualTo(line < 4 ? "flights" : "digits");
            assertThat(json.path("subject").asText()).isEqualTo(Names.of(subject));
            assertThat(json.path("mini_batch").asInt()).isEqualTo(7);
            assertThat(json.path("events").asLong()).isEqualTo(10_004);
            for (String list : List.of("events_per_s_all", "seconds_all")) {
                assertThat(json.path(list)).hasSize(2).allMatch(value -> value.asDouble() > 0);
            }
            List<String> keys = new ArrayList<>(KEYS);
            if (subject == Subject.TRAINER) {
                keys.addAll(List.of("ratio_to_slower", "ratio_to_slower_all", "topic_bytes_of_event_bytes",
                        "topic_bytes_of_event_bytes_all", "broker_writes_of_event_bytes",
                        "broker_writes_of_event_bytes_all"));
            }
            if (subject == Subject.REPLAY) {
                keys.addAll(List.of("ratio_to_engine", "ratio_to_engine_all"));
            }
            if (subject != Subject.CONSUMER) {
                keys.addAll(List.of("weights_hash", "state_hash"));
            }
            assertThat(json.fieldNames()).toIterable().containsExactlyElementsOf(keys);
        }
        for (int stream = 0; stream < 8; stream += 4) {
            JsonNode trainer = lines.get(stream);
            JsonNode engine = lines.get(stream + 2);
            assertThat(trainer.path("state_hash").asText()).hasSize(64).isEqualTo(engine.path("state_hash").asText());
            assertThat(lines.get(stream + 3).path("state_hash").asText()).isEqualTo(engine.path("state_hash").asText());
            assertThat(trainer.path("weights_hash").asText()).hasSize(64)
                    .isEqualTo(engine.path("weights_hash").asText());
        }
    }

    private static List<JsonNode> run(TrainLoad.Options options) throws InterruptedException, IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
            new TrainLoad(options, out, new PrintStream(OutputStream.nullOutputStream())).run();
        }
        List<JsonNode> lines = new ArrayList<>();
        for (String line : bytes.toString(StandardCharsets.UTF_8).lines().toList()) {
            lines.add(Json.parse(line));
        }
        return lines;
    }
}
