package io.tidegrad.trainer.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Prediction;
import io.tidegrad.schemas.Progress;
import io.tidegrad.trainer.TestLog;
import io.tidegrad.trainer.TrainerApp;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Confluent's own client (npm `@confluentinc/schemaregistry`) at both ends of a real trainer, a real broker and a real
/// registry. Downloads that client; run by `./tidegrad test --interop`.
@Tag("interop")
class InteropTest {
    @TempDir
    Path directory;
    TestLog log;
    NodeClient node;

    @BeforeEach
    void open() throws Exception {
        log = new TestLog(directory, 1).created();
        node = NodeClient.install(Path.of(System.getProperty("tidegrad.root"), "trainer-app/target/interop"),
                log.kafka.registryUrl());
    }

    @AfterEach
    void close() {
        log.close();
    }

    @Test
    void anEventThatConfluentsClientWroteIsLearnedAndItReadsOurProgress() throws Exception {
        List<byte[]> events = node.write(log.topic, """
                        {"schema": {"type": "record", "name": "Reading", "fields": [
                           {"name": "place", "type": "string"},
                           {"name": "a", "type": "float"},
                           {"name": "b", "type": "float"},
                           {"name": "over", "type": "int"}]},
                         "records": [
                           {"place": "Zürich", "a": 0.5, "b": -0.25, "over": 1},
                           {"place": "San José", "a": -0.5, "b": 0.75, "over": 0}]}
                        """);
        assertThat(events).hasSize(2);
        events.forEach(event -> log.send(log.event(event)));
        TestLog.Fold fold = log.fold();
        assertThat(fold.learned()).isEqualTo(2);
        try (TrainerApp _ = TrainerApp.start(log.config())) {
            await().atMost(Duration.ofSeconds(60)).until(() -> log.visible(log.topics().progress()).stream()
                    .map(ConsumerRecord::value).anyMatch(value -> learned(value) == 2));
        }
        byte[] newest = log.visible(log.topics().progress()).getLast().value();
        assertThat(node.read(log.topics().progress(), newest)).singleElement().asString()
                .contains("\"model\":\"" + log.model() + "\"").contains("\"learned\":")
                .contains("\"weights_hash\":\"" + fold.weightsHash() + "\"");
    }

    private long learned(byte[] value) {
        return new AvroCodec(log.registry).decode(value, Progress.class).getLearned();
    }

    @Test
    void confluentsClientReadsAPrediction() throws Exception {
        String topic = log.topics().prefix() + ".predictions";
        Prediction prediction = Prediction.newBuilder().setRequestId("r-1").setModel(log.model()).setEpoch(1)
                .setVersion(42).setOffset(43).setFreshnessMs(7).setTime(Instant.ofEpochMilli(1_700_000_000_123L))
                .setProbabilities(List.of(0.25f, 0.75f)).build();
        int id = log.registry.register(topic + "-value", Prediction.getClassSchema());
        assertThat(node.read(topic, new AvroCodec(log.registry).encode(id, prediction))).singleElement().asString()
                .contains("\"version\":42").contains("\"probabilities\":[0.25,0.75]");
    }
}
