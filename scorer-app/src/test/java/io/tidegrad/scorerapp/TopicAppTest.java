package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.proof.MonitoredSeries;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.TestBroker;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorerapp.RawHttp.Answer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

/// Topic to topic in the process: what health and metrics say, and that HTTP goes on beside it.
class TopicAppTest {
    private static final Duration SOON = Duration.ofSeconds(60);

    private static ScorerApp app(String model, String... more) {
        List<String> arguments = new ArrayList<>(List.of("--bootstrap-servers", TestBroker.bootstrapServers(),
                "--registry-url", "mock://topic-app", "--model", model, "--http-port", "0"));
        arguments.addAll(List.of(more));
        return new ScorerApp(ScorerConfig.parse(arguments, Map.of()), InstantSource.system(), ModelRouter::open);
    }

    private static Answer get(ScorerApp app, String path) {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.bytes("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"));
            return http.answer();
        }
    }

    @Test
    void healthAndMetricsTellOfRequestsFromATopic() throws Exception {
        String model = TestBroker.newModelName();
        String prefix = "p" + UUID.randomUUID().toString().substring(0, 8);
        try (TestPublisher publisher =
                new TestPublisher(TestBroker.bootstrapServers(), new Topics(prefix), model).createTopic();
                ScorerApp app = app(model, "--prefix", prefix, "--requests-topic", prefix + ".requests");
                KafkaProducer<byte[], byte[]> producer =
                        new KafkaProducer<>(Map.of("bootstrap.servers", TestBroker.bootstrapServers()),
                                new ByteArraySerializer(), new ByteArraySerializer())) {
            assertThat(state(app)).isIn("starting", "waiting-for-model");
            publisher.publish(TestTrainer.of(model).learn(10).publish());
            await().atMost(SOON).until(() -> health(app).get("partitions").asInt() > 0);
            producer.send(new ProducerRecord<>(prefix + ".requests", new byte[]{'k'}, null)).get();
            await().atMost(SOON).until(() -> health(app).get("transactions_committed").asInt() == 1);
            JsonNode health = await().atMost(SOON).until(() -> health(app),
                    told -> told.get("state").asText().equals("running") && told.get("lag").asLong() == 0);
            assertThat(health.get("dead_letters").get("null-value").asInt()).isEqualTo(1);
            assertThat(get(app, "/metrics").body()).contains(
                    "tidegrad_scorer_requests_topic_dead_letters_total{reason=\"null-value\"} 1.0",
                    "tidegrad_scorer_requests_topic_dead_letters_total{reason=\"unknown-schema\"} 0.0",
                    "tidegrad_scorer_requests_topic_predictions_total{model=\"" + model + "\"} 0.0",
                    "tidegrad_scorer_requests_topic_transactions_total{outcome=\"committed\"} 1.0",
                    "tidegrad_scorer_requests_topic_transactions_total{outcome=\"aborted\"} 0.0",
                    "tidegrad_scorer_requests_topic_running 1.0", "tidegrad_scorer_requests_topic_lag_offsets 0.0",
                    "tidegrad_scorer_requests_topic_lost_offsets_total 0.0");
            assertThat(MonitoredSeries.missingIn(get(app, "/metrics").body(),
                    name -> name.startsWith("tidegrad_scorer_requests_topic_"))).isEmpty();
            assertThat(MonitoredSeries.withoutUnit(get(app, "/metrics").body())).isEmpty();
            assertThat(app.refusal()).isEmpty();
            assertThat(app.isLive()).isTrue();
            assertThat(Documented.shape(health))
                    .isEqualTo(Documented.shape(new ObjectMapper().readTree(documentedHealth()).get("requests")));
        }
    }

    /// Of `docs/operations/watch.md`.
    private static String documentedHealth() throws Exception {
        String text = Files.readString(Path.of(System.getProperty("tidegrad.root"), "docs/operations/watch.md"));
        String after = text.substring(text.indexOf("<!-- requests-health -->"));
        String block = after.substring(after.indexOf("```json") + 7);
        return block.substring(0, block.indexOf("```"));
    }

    private static JsonNode health(ScorerApp app) {
        return get(app, "/health").json().get("requests");
    }

    private static String state(ScorerApp app) {
        return health(app).get("state").asText();
    }

    /// `ScorerMain` ends with status 2 for it.
    @Test
    void aTopicOfRequestsThatIsNotThereIsARefusal() throws Exception {
        String model = TestBroker.newModelName();
        try (TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), model).createTopic();
                ScorerApp app = app(model, "--requests-topic", "misspelt")) {
            publisher.publish(TestTrainer.of(model).learn(10).publish());
            await().atMost(SOON).until(() -> app.refusal().isPresent());
            assertThat(app.refusal()).hasValueSatisfying(why -> assertThat(why).contains("misspelt"));
            assertThat(get(app, "/health/ready").status()).isEqualTo(200);
        }
    }
}
