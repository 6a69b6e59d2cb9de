package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.TypedEvent;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import io.tidegrad.scorerapp.inference.InferTensorContents;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import io.tidegrad.scorerapp.inference.ModelInferRequest.InferInputTensor;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Whoever asks about an event that nests, and however: the same fields are found, and the answer has the same bits.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NestedFieldsTest {
    private static final Map<String, String> SINGLE =
            Map.of("at", "INT64", "amount.value", "FP64", "session.length", "FP64", "merchant.country", "BYTES",
                    "card.brand", "BYTES", "card.token", "BYTES", "attributes[channel]", "BYTES");
    private static final Map<String, String> LISTS =
            Map.of("items[].sku", "BYTES", "items[].price", "FP64", "tags", "BYTES", "history[]", "FP64");

    private final Scorer scorer = scorer(Payments.learned("payments", "avro"));
    private final ScorerMetrics metrics = new ScorerMetrics(List.of(scorer), InstantSource.system());
    private final Shadows shadows = new Shadows(metrics::follow);
    private final ServerConfig config = TestServer.config();
    private final ServedModels models = new ServedModels(Map.of("payments", ModelRouter.of(scorer)), metrics, shadows,
            config.maxBodyBytes(), false, (topic, field) -> false, ServedLogs.NONE);
    private final RequestLimits limits = RequestLimits.of(config);
    private final ScorerServer http = new ScorerServer(config, models, null, metrics, limits, () -> true);
    private final GrpcServer grpc =
            new GrpcServer(config, 0, models, limits, () -> true, Duration.ofSeconds(10), metrics::connectionEnded);
    private final float[] expected = new float[Payments.COUNT];

    private static Scorer scorer(PublishedSnapshot snapshot) {
        return Scorer.of(snapshot.manifest(),
                snapshot.records().stream().limit(snapshot.records().size() - 1L).map(SnapshotEntry::value).toList(),
                InstantSource.system());
    }

    @BeforeAll
    void ask() {
        for (int i = 0; i < Payments.COUNT; i++) {
            expected[i] = scorer.score(Payments.nested(i)).probabilities()[0];
        }
        assertThat(IntStream.range(0, Payments.COUNT).mapToObj(i -> expected[i]).distinct()).as("answers that differ")
                .hasSize(Payments.COUNT);
    }

    @AfterAll
    void close() {
        http.close();
        grpc.close();
        shadows.close();
        scorer.close();
    }

    private RawHttp.Answer post(String path, String body) {
        try (RawHttp client = RawHttp.connect(http.port())) {
            client.send(
                    RawHttp.post(path, "Content-Type: application/json\r\n", body.getBytes(StandardCharsets.UTF_8)));
            return client.answer();
        }
    }

    @Test
    void theLibraryReadsRecordsOfAnySchemaAndPathsThatSomebodyFills() {
        List<String> fields = new ArrayList<>(SINGLE.keySet());
        fields.addAll(LISTS.keySet());
        TypedEvent typed = new TypedEvent(fields);
        for (int i = 0; i < Payments.COUNT; i++) {
            for (Schema schema : List.of(Payments.FIRST, Payments.RENAMED)) {
                assertThat(scorer.score(Payments.record(i, schema)).probabilities()).containsExactly(expected[i]);
            }
            assertThat(scorer.score(new AvroEvent(Payments.RENAMED).of(Payments.record(i, Payments.FIRST)))
                    .probabilities()).containsExactly(expected[i]);
            typed.clear();
            for (String field : SINGLE.keySet()) {
                switch (Payments.value(i, field)) {
                    case Long number -> typed.set(typed.field(field), number);
                    case Double number -> typed.set(typed.field(field), number);
                    case Object text -> typed.set(typed.field(field), text.toString());
                }
            }
            for (String field : LISTS.keySet()) {
                typed.set(typed.field(field), Payments.values(i, field));
            }
            assertThat(scorer.score(typed).probabilities()).containsExactly(expected[i]);
        }
    }

    @Test
    void aRecordOverHttpNestsAsTheEventDoes() {
        RawHttp.Answer answer = post("/v1/models/payments/score",
                IntStream.range(0, Payments.COUNT).mapToObj(Payments::json).collect(Collectors.joining(",", "[", "]")));
        assertThat(answer.status()).as(answer.body()).isEqualTo(200);
        assertThat(Flights.answers(answer)).containsExactly(expected);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "\"merchant\":|\"shop\":|no field 'shop' in this model (known: amount.value, session.length, merchant.country,",
        "\"country\":|\"contry\":|no field 'merchant.contry' in this model; did you mean 'merchant.country'?",
        "\"sku\":|\"skew\":|no field 'items[].skew' in this model; did you mean 'items[].sku'?"})
    void aNameThatNoPathGoesToIsToldWithTheNearestPath(String right, String wrong, String message) {
        RawHttp.Answer answer = post("/v1/models/payments/score", Payments.json(0).replace(right, wrong));
        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.body()).contains("unknown-field", message);
    }

    /// The names of tensors are paths.
    @Test
    void tensorsOverHttpAreNamedByTheirPaths() {
        List<String> tensors = new ArrayList<>();
        SINGLE.forEach((field, type) -> tensors.add(tensor(field, type, "[%d]", IntStream.range(0, Payments.COUNT)
                .mapToObj(i -> json(Payments.value(i, field), type)).collect(Collectors.joining(",")))));
        LISTS.forEach((field,
                type) -> tensors.add(tensor(field, type, "[%d, 2]",
                        IntStream.range(0, Payments.COUNT).boxed().flatMap(i -> Payments.values(i, field).stream())
                                .map(value -> json(value, type)).collect(Collectors.joining(",")))));
        RawHttp.Answer answer = post("/v2/models/payments/infer", "{\"inputs\": [" + String.join(",", tensors) + "]}");
        assertThat(answer.status()).as(answer.body()).isEqualTo(200);
        var data = answer.json().get("outputs").get(0).get("data");
        for (int i = 0; i < Payments.COUNT; i++) {
            assertThat(Float.parseFloat(data.get(i).asText())).isEqualTo(expected[i]);
        }
    }

    private static String tensor(String field, String type, String shape, String data) {
        return "{\"name\": \"%s\", \"datatype\": \"%s\", \"shape\": %s, \"data\": [%s]}".formatted(field, type,
                shape.formatted(Payments.COUNT), data);
    }

    private static String json(Object value, String type) {
        return type.equals("BYTES") ? "\"" + value + "\"" : value.toString();
    }

    @Test
    void tensorsOverGrpcAreNamedByTheirPaths() {
        ModelInferRequest.Builder request = ModelInferRequest.newBuilder().setModelName("payments");
        SINGLE.forEach((field, type) -> request.addInputs(tensor(field, type,
                IntStream.range(0, Payments.COUNT).mapToObj(i -> Payments.value(i, field)).toList())));
        LISTS.forEach(
                (field, type) -> request
                        .addInputs(tensor(field, type,
                                IntStream.range(0, Payments.COUNT).boxed()
                                        .<Object>flatMap(i -> Payments.values(i, field).stream()).toList())
                                .addShape(2)));
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", grpc.port()).usePlaintext().build();
        try {
            List<Float> answers = GRPCInferenceServiceGrpc.newBlockingStub(channel).modelInfer(request.build())
                    .getOutputs(0).getContents().getFp32ContentsList();
            for (int i = 0; i < Payments.COUNT; i++) {
                assertThat(answers.get(i)).isEqualTo(expected[i]);
            }
        } finally {
            channel.shutdownNow();
        }
    }

    static InferInputTensor.Builder tensor(String field, String type, List<?> values) {
        InferTensorContents.Builder contents = InferTensorContents.newBuilder();
        for (Object value : values) {
            switch (type) {
                case "INT64" -> contents.addInt64Contents((long) value);
                case "FP64" -> contents.addFp64Contents((double) value);
                default -> contents.addBytesContents(ByteString.copyFromUtf8(value.toString()));
            }
        }
        return InferInputTensor.newBuilder().setName(field).setDatatype(type).addShape(Payments.COUNT)
                .setContents(contents);
    }
}
