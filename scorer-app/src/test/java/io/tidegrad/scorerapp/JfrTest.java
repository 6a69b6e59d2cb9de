package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.FlightRecording;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import jdk.jfr.consumer.RecordedEvent;
import org.junit.jupiter.api.Test;

/// What Java Flight Recorder sees of a scorer.
class JfrTest {
    private static final String RECORD = TestApp.RECORD;

    @Test
    void aRecordingHasTheVersionThatWasAdmittedAndEachRequest() {
        long version;
        List<RecordedEvent> recorded;
        try (FlightRecording recording = FlightRecording.of("tidegrad.Admit", "tidegrad.Score")) {
            try (TestServer server = TestServer.start()) {
                version = server.trainer.publish().manifest().version();
                post(server, "[" + RECORD + "," + RECORD + "]", 200);
                post(server, "{", 400);
            }
            recorded = recording.events().stream().filter(event -> event.getString("model").equals("flights"))
                    .sorted(Comparator.comparing(RecordedEvent::getStartTime)).toList(); // each thread has a buffer
        }
        RecordedEvent admitted = recorded.getFirst();
        assertThat(admitted.getEventType().getName()).isEqualTo("tidegrad.Admit");
        assertThat(admitted.getInt("epoch")).isEqualTo(1);
        assertThat(admitted.getLong("version")).isEqualTo(version);
        assertThat(admitted.getString("refused")).isEmpty();
        List<RecordedEvent> scored = recorded.subList(1, recorded.size());
        assertThat(scored).allSatisfy(event -> {
            assertThat(event.getEventType().getName()).isEqualTo("tidegrad.Score");
            assertThat(event.getDuration()).isPositive();
        });
        assertThat(scored.stream().map(event -> event.getInt("status") + " " + event.getInt("records")))
                .containsExactly("200 2", "400 0");
    }

    private static void post(TestServer server, String body, int status) {
        try (RawHttp client = RawHttp.connect(server.http.port())) {
            client.send(RawHttp.post("/v1/models/flights/score", "Content-Type: application/json\r\n",
                    body.getBytes(StandardCharsets.UTF_8)));
            assertThat(client.answer().status()).isEqualTo(status);
        }
    }
}
