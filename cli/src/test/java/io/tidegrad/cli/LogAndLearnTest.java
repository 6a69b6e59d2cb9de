package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.joiner.app.JoinerApp;
import io.tidegrad.joiner.app.JoinerConfig;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.evaluation.ServedEvaluation;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorerapp.ScorerApp;
import io.tidegrad.scorerapp.ScorerConfig;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.Report;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The loop closed: a scorer answers and logs, labels come later, a joiner makes examples of both, and a trainer learns
/// them and counts what was served.
@LongProof("trainer, joiner and scorer, and labels that come late")
class LogAndLearnTest {
    private static final Duration OF_PROCESSES = Readings.PATIENCE.multipliedBy(3);
    private static final int FIRST = 60; // events that nobody served, so that there is a model
    private static final int ASKED = 300;
    private static final int RECORDS_A_REQUEST = 30;

    private static final Schema EVENT = new Schema.Parser().parse("""
            {"type": "record", "name": "Payment", "fields": [
              {"name": "amount", "type": "double"}, {"name": "country", "type": ["null", "string"], "default": null}]}
            """);
    private static final Schema LABEL = new Schema.Parser().parse("""
            {"type": "record", "name": "Chargeback", "fields": [{"name": "fraud", "type": "boolean"}]}
            """);

    @TempDir
    private Path directory;

    private final Readings readings = new Readings();
    private final String stream = "cards-" + readings.id;
    private final String model = "fraud-" + readings.id;
    private final String scored = "scored-" + readings.id;
    private final String labels = "chargebacks-" + readings.id;
    private final Topics topics = new Topics("p" + readings.id);
    private final SchemaRegistry registry =
            SchemaRegistry.connect(Map.of("schema.registry.url", SharedStack.get().registryUrl()));
    private final AvroCodec codec = new AvroCodec(registry);
    private final KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
            Map.of("bootstrap.servers", readings.bootstrap), new ByteArraySerializer(), new ByteArraySerializer());
    private final Map<String, Float> answers = new TreeMap<>();
    private final Map<String, Boolean> last = new TreeMap<>(); // label of each answer

    @AfterEach
    void close() {
        producer.close();
        registry.close();
        readings.close();
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private Path written(String name, String yaml) throws IOException {
        return Files.writeString(directory.resolve(name), yaml);
    }

    private List<String> settings(String... more) {
        List<String> settings = new ArrayList<>(List.of("--bootstrap-servers", readings.bootstrap, "--registry-url",
                SharedStack.get().registryUrl(), "--prefix", topics.prefix(), "--http-port", "0"));
        settings.addAll(List.of(more));
        return settings;
    }

    private Path createStream() throws IOException {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", readings.bootstrap))) {
            TopicCreation.create(admin, new NewTopic(scored, 3, (short) 1).configs(Map.of("retention.ms", "-1")),
                    new NewTopic(labels, 2, (short) 1).configs(Map.of("retention.ms", "-1")));
        }
        registry.register(scored + "-value", EVENT);
        registry.register(labels + "-value", LABEL);
        assertThat(readings.run(topics.prefix(), List.of("streams", "create", "--spec", written("stream.yaml", """
                stream: %s
                events: { topic: %s, key: "@key" }
                labels: { topic: %s, key: "@key", value: fraud }
                join: { wait: PT2S, missing: 0, window: P7D, duplicates: last }
                """.formatted(stream, scored, labels)).toString()))).as(readings.err()).isZero();
        return written("model.yaml", """
                model: %s
                input: { stream: %s }
                features:
                  - number: { field: amount, scale: standard }
                  - category: { field: country, buckets: 16, dimension: 4 }
                network: [ dense: 4, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                publish: { every: PT0.2S }
                """.formatted(model, stream));
    }

    private void label(String id, boolean fraud) {
        GenericData.Record label = new GenericData.Record(LABEL);
        label.put("fraud", fraud);
        producer.send(
                new ProducerRecord<>(labels, utf8(id), codec.encode(registry.idOf(labels + "-value", LABEL), label)));
    }

    private void sendFirst() {
        for (int i = 0; i < FIRST; i++) {
            GenericData.Record event = new GenericData.Record(EVENT);
            event.put("amount", (double) (i % 7));
            producer.send(new ProducerRecord<>(scored, utf8("first-" + i),
                    codec.encode(registry.idOf(scored + "-value", EVENT), event)));
            label("first-" + i, i % 7 > 3);
        }
        producer.flush();
    }

    /// Asks with ids, and keeps what was answered.
    private void ask(ScorerApp scorer) throws IOException, InterruptedException {
        ObjectMapper json = new ObjectMapper();
        try (HttpClient client = HttpClient.newHttpClient()) {
            for (int from = 0; from < ASKED; from += RECORDS_A_REQUEST) {
                int first = from;
                String ids = IntStream.range(first, first + RECORDS_A_REQUEST).mapToObj(i -> "tx-" + i)
                        .collect(Collectors.joining(","));
                String body = IntStream.range(first, first + RECORDS_A_REQUEST).mapToObj(
                        i -> "{\"amount\": %d, \"country\": \"%s\"}".formatted(i % 11, i % 3 == 0 ? "DE" : "FR"))
                        .collect(Collectors.joining(",", "[", "]"));
                HttpResponse<String> response =
                        client.send(
                                HttpRequest
                                        .newBuilder(URI.create(
                                                "http://127.0.0.1:" + scorer.port() + "/v1/models/" + model + "/score"))
                                        .header("Content-Type", "application/json").header("Tidegrad-Id", ids)
                                        .POST(HttpRequest.BodyPublishers.ofString(body)).build(),
                                HttpResponse.BodyHandlers.ofString());
                assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
                JsonNode answer = json.readTree(response.body());
                for (int i = 0; i < RECORDS_A_REQUEST; i++) {
                    assertThat(answer.path("ids").path(i).asText()).isEqualTo("tx-" + (first + i));
                    answers.put("tx-" + (first + i), Float
                            .parseFloat(answer.path("predictions").path(i).path("probabilities").path(0).asText()));
                }
            }
        }
    }

    private static JsonNode get(ScorerApp from, String path) throws IOException {
        try (InputStream body = URI.create("http://127.0.0.1:" + from.port() + path).toURL().openStream()) {
            return new ObjectMapper().readTree(body);
        }
    }

    private void labelAnswer(int i, boolean fraud) {
        label("tx-" + i, fraud);
        last.put("tx-" + i, fraud);
    }

    /// Returns how many examples there are of what was asked.
    private long examples(Example.Kind kind) throws ExampleException {
        long count = 0;
        for (ConsumerRecord<byte[], byte[]> each : readings
                .committed(new TopicPartition(topics.examples(stream, 1), 0))) {
            if (Example.isIn(each.headers()) && new String(each.key(), StandardCharsets.UTF_8).startsWith("tx-")
                    && Example.read(each.headers()).kind() == kind) {
                count++;
            }
        }
        return count;
    }

    @Test
    void whatWasServedIsJoinedLearnedAndCountedOnceWithItsLastLabel() throws Exception {
        Path spec = createStream();
        try (TrainerApp trainer = readings.trainer(directory, "--spec", spec.toString());
                JoinerApp _ = JoinerApp.start(JoinerConfig.parse(
                        settings("--stream", stream, "--state-dir", directory.resolve("joiner").toString()),
                        Map.of()))) {
            sendFirst();
            Readings.awaitLearned(trainer, model, 1, at -> at.examples() >= FIRST);
            try (ScorerApp scorer = ScorerApp.start(
                    ScorerConfig.parse(settings("--model", model, "--log-topic", model + "=" + scored), Map.of()),
                    InstantSource.system())) {
                assertThat(scorer.scorer(model).awaitReady(OF_PROCESSES)).isTrue();
                ask(scorer);
                assertThat(answers).hasSize(ASKED);
                await().atMost(OF_PROCESSES).untilAsserted(
                        () -> assertThat(get(scorer, "/health").at("/models/" + model + "/log/written").asInt())
                                .isEqualTo(ASKED));
            }
            // In time: a third. The others become provisional, and of these some are corrected, some twice.
            for (int i = 0; i < ASKED; i += 3) {
                labelAnswer(i, i % 2 == 0);
            }
            producer.flush();
            await().atMost(OF_PROCESSES)
                    .untilAsserted(() -> assertThat(examples(Example.Kind.FINAL) + examples(Example.Kind.PROVISIONAL))
                            .isEqualTo(ASKED));
            for (int i = 1; i < ASKED; i += 3) {
                labelAnswer(i, true);
            }
            for (int i = 0; i < ASKED; i += 5) {
                labelAnswer(i, i % 2 == 1);
            }
            producer.flush();
            double logLoss = 0;
            for (Map.Entry<String, Float> each : answers.entrySet()) {
                double p = each.getValue();
                logLoss -= Math.log(last.getOrDefault(each.getKey(), false) ? p : 1 - p) / ASKED;
            }
            double positives = last.values().stream().filter(each -> each).count();
            double expected = logLoss;
            await().atMost(OF_PROCESSES).untilAsserted(() -> {
                Report report = Objects
                        .requireNonNull(Objects.requireNonNull(trainer.models().getFirst().committed()).report());
                assertThat(report.served()).hasSize(1);
                ServedEvaluation.Figures figures = report.served().getFirst();
                assertThat(figures.predictions()).isEqualTo(ASKED);
                assertThat(figures.meanLabel()).isEqualTo(positives / ASKED);
                assertThat(figures.logLoss()).isCloseTo(expected, within(1e-6));
            });
            assertThat(examples(Example.Kind.CORRECTION)).isPositive();
            // Numbers are written every ten seconds.
            await().atMost(OF_PROCESSES).pollInterval(Duration.ofSeconds(1)).untilAsserted(() -> {
                assertThat(readings.run(topics.prefix(), List.of("models", "show", model))).as(readings.err()).isZero();
                assertThat(readings.out()).contains("as served", "of " + ASKED + " predictions");
            });
        }
    }
}
