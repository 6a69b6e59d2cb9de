package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.JsonEvents;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Prediction;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorerapp.ScorerApp;
import io.tidegrad.scorerapp.ScorerConfig;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import io.tidegrad.scorerapp.inference.InferTensorContents;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import io.tidegrad.scorerapp.inference.ModelInferRequest.InferInputTensor;
import io.tidegrad.scorerapp.inference.ModelInferResponse;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A decoder: its label has a class for each step, and its input is the label, shifted by one. From a topic to an answer.
@LongProof("a trainer and a scorer")
class ListLabelsEndToEndTest {
    private static final int STEPS = 6;
    private static final int CLASSES = 5;
    private static final int EVENTS = 500;

    @TempDir
    private Path directory = Path.of("");

    private final Readings readings = new Readings();
    private final String model = "decoder-" + readings.id;

    private final String yaml = """
            model: %s
            input: { topic: %s, format: json }
            label: { field: letters, kind: steps, lengths: letters }
            features:
              - categories: { field: about, count: 2, buckets: 16, dimension: 4 }
              - shifted-label: { field: letters, count: 6, classes: 5, dimension: 4 }
            network:
              - features: [letters]
              - reshape: [6, 4]
              - gru: { hidden: 8, output: sequence, lengths: letters, initial: [ features: [about], dense: 8 ] }
              - dense: 5
            loss: categorical-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            publish: { every: PT0.2S }
            """.formatted(model, readings.topic);

    @AfterEach
    void close() {
        readings.close();
    }

    /// The next letter is the one before plus what the text is about.
    private static byte[] event(int i) {
        int step = 1 + i % 3;
        List<Integer> letters = new ArrayList<>(List.of(i % CLASSES));
        while (letters.size() < 2 + i % 5) {
            letters.add((letters.getLast() + step) % CLASSES);
        }
        return "{\"about\": [%d], \"letters\": %s}".formatted(step, letters).getBytes(StandardCharsets.UTF_8);
    }

    private static List<Float> oracle(OnlineModel learned, Map<String, ?> event) {
        Featurizer featurizer = new Featurizer(learned.spec());
        Row row = featurizer.newRow();
        assertThat(featurizer.featurizeForScoring(new MapEvent(event), row)).isNull();
        Batch batch = new Batch(learned.parameters().plan().spec().row(), 1);
        System.arraycopy(row.ids, 0, batch.ids, 0, row.ids.length);
        batch.resize(1);
        float[] predictions = new float[STEPS * CLASSES];
        new Predictor(learned.parameters().plan(), learned.kernels(), 1).predict(learned.parameters(), batch,
                predictions);
        List<Float> answered = new ArrayList<>();
        for (float each : predictions) {
            answered.add(each);
        }
        return answered;
    }

    private static HttpResponse<String> post(ScorerApp scorer, String path, String body)
            throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + scorer.port() + path))
                    .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body)).build(),
                    HttpResponse.BodyHandlers.ofString());
        }
    }

    private static List<Float> floats(JsonNode array) {
        List<Float> floats = new ArrayList<>();
        array.forEach(each -> floats.add(Float.parseFloat(each.asText())));
        return floats;
    }

    @Test
    void aDecoderLearnsFromATopicAndAnswersStepForStep() throws Exception {
        List<byte[]> values = new ArrayList<>();
        OnlineModel expected = OnlineModel.initial(ModelSpec.parse(yaml, "decoder.yaml"), Kernels.active());
        Featurizer featurizer = new Featurizer(expected.spec());
        JsonEvents json = new JsonEvents(expected.spec());
        Row row = featurizer.newRow();
        for (int i = 0; i < EVENTS; i++) {
            values.add(event(i));
            assertThat(featurizer.featurize(json.read(event(i)), row)).isNull();
            assertThat(expected.accept(row)).isNull();
        }
        values.add(7, "{\"about\": [1], \"letters\": [0, 9]}".getBytes(StandardCharsets.UTF_8)); // a dead letter
        readings.send(values);
        Topics topics = new Topics("p" + readings.id);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", readings.bootstrap))) {
            KafkaTopics.get(admin.createTopics(Stream.of(topics.requests(), topics.predictions())
                    .map(name -> new NewTopic(name, 1, (short) 1)).toList()).all());
        }
        Path spec = Files.writeString(directory.resolve("decoder.yaml"), yaml);
        try (TrainerApp trainer = readings.trainer(directory, "--spec", spec.toString());
                ScorerApp scorer = ScorerApp.start(
                        ScorerConfig.parse(List.of("--bootstrap-servers", readings.bootstrap, "--registry-url",
                                SharedStack.get().registryUrl(), "--prefix", "p" + readings.id, "--http-port", "0",
                                "--grpc-port", "0", "--model", model, "--requests-topic", topics.requests()), Map.of()),
                        InstantSource.system())) {
            CommittedState learned = Readings.awaitLearned(trainer, model, 1, EVENTS + 1L);
            assertThat(learned.examples()).isEqualTo(EVENTS);
            Report report = Objects.requireNonNull(learned.report());
            assertThat(report.logLoss()).isEqualTo(expected.evaluation().logLoss()).isLessThan(report.priorLogLoss());
            assertThat(report.accuracy()).isEqualTo(expected.evaluation().accuracy());
            Readings.awaitServed(scorer.scorer(model), 1, EVENTS);
            assertThat(scorer.scorer(model).weightsHash()).isEqualTo(expected.weightsHash());

            HttpResponse<String> response = post(scorer, "/v1/models/" + model + "/score",
                    "[{\"about\": [2]}, {\"about\": [2], \"letters\": [1, 3]}]");
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            JsonNode answer = new ObjectMapper().readTree(response.body()).path("predictions");
            for (List<Integer> known : List.of(List.<Integer>of(), List.of(1, 3))) {
                List<Float> of = oracle(expected, Map.of("about", List.of(2), "letters", known));
                JsonNode steps = answer.path(known.isEmpty() ? 0 : 1).path("probabilities");
                assertThat(steps).hasSize(known.size() + 1);
                for (int step = 0; step <= known.size(); step++) {
                    assertThat(floats(steps.path(step))).isEqualTo(of.subList(step * CLASSES, (step + 1) * CLASSES));
                }
                float[] library =
                        scorer.scorer(model).score(Map.of("about", List.of(2), "letters", known)).probabilities();
                assertThat(library).hasSize((known.size() + 1) * CLASSES);
            }
            tensors(scorer, oracle(expected, Map.of("about", List.of(2), "letters", List.of(1, 3))));

            topicToTopic(topics, oracle(expected, Map.of("about", List.of(2), "letters", List.of(1, 3))));

            HttpResponse<String> refused =
                    post(scorer, "/v1/models/" + model + "/score?contributions=true", "{\"about\": [2]}");
            assertThat(refused.statusCode()).isEqualTo(400);
            assertThat(refused.body()).contains("expected a model whose label is one value");
            assertThat(post(scorer, "/v1/models/" + model + "/score", "{\"about\": [2], \"letters\": [7]}").body())
                    .contains("field 'letters[0]': expected null or a whole number from 0 to 4");
        }
    }

    /// Step after step, and no more than the request has.
    private void topicToTopic(Topics topics, List<Float> of) {
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(Map.of("bootstrap.servers", readings.bootstrap), new ByteArraySerializer(),
                        new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(topics.requests(), "one".getBytes(StandardCharsets.UTF_8),
                    "{\"about\": [2], \"letters\": [1, 3]}".getBytes(StandardCharsets.UTF_8)));
        }
        TopicPartition answers = new TopicPartition(topics.predictions(), 0);
        Awaitility.await().atMost(Readings.PATIENCE).until(() -> !readings.committed(answers).isEmpty());
        try (SchemaRegistry registry =
                SchemaRegistry.connect(Map.of("schema.registry.url", SharedStack.get().registryUrl()))) {
            Prediction answer =
                    new AvroCodec(registry).decode(readings.committed(answers).getFirst().value(), Prediction.class);
            assertThat(answer.getRequestId()).isEqualTo("one");
            assertThat(answer.getProbabilities()).isEqualTo(of.subList(0, 15));
        }
    }

    /// A tensor has all steps; those that the row does not have are 0.
    private void tensors(ScorerApp scorer, List<Float> of) throws IOException, InterruptedException {
        HttpResponse<String> response = post(scorer, "/v2/models/" + model + "/infer", """
                {"inputs": [{"name": "about", "datatype": "INT64", "shape": [1, 1], "data": [2]},
                            {"name": "letters", "datatype": "INT64", "shape": [1, 2], "data": [1, 3]}]}
                """);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        JsonNode output = new ObjectMapper().readTree(response.body()).path("outputs").path(0);
        assertThat(output.path("shape").toString()).isEqualTo("[1,6,5]");
        List<Float> data = floats(output.path("data"));
        assertThat(data.subList(0, 15)).isEqualTo(of.subList(0, 15));
        assertThat(data.subList(15, 30)).hasSize(15).containsOnly(0f);
        assertThat(overGrpc(scorer)).isEqualTo(data);
    }

    private List<Float> overGrpc(ScorerApp scorer) {
        ManagedChannel channel =
                NettyChannelBuilder.forAddress("127.0.0.1", scorer.grpcPort().orElseThrow()).usePlaintext().build();
        try {
            ModelInferResponse answer = GRPCInferenceServiceGrpc.newBlockingStub(channel)
                    .modelInfer(ModelInferRequest.newBuilder().setModelName(model).addInputs(tensor("about", 2))
                            .addInputs(tensor("letters", 1, 3)).build());
            assertThat(answer.getOutputs(0).getShapeList()).containsExactly(1L, (long) STEPS, (long) CLASSES);
            return answer.getOutputs(0).getContents().getFp32ContentsList();
        } finally {
            channel.shutdownNow();
        }
    }

    private static InferInputTensor tensor(String field, long... values) {
        InferTensorContents.Builder contents = InferTensorContents.newBuilder();
        LongStream.of(values).forEach(contents::addInt64Contents);
        return InferInputTensor.newBuilder().setName(field).setDatatype("INT64").addShape(1).addShape(values.length)
                .setContents(contents).build();
    }
}
