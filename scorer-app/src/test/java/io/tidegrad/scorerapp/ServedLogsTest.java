package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.tidegrad.control.ControlAction;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.model.stream.Served;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.MonitoredSeries;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ServedLog;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.TestControl;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import io.tidegrad.scorerapp.inference.InferParameter;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import io.tidegrad.scorerapp.inference.ModelInferResponse;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// What is served over HTTP and gRPC, in a log on a real broker, by the schemas of a real registry.
class ServedLogsTest {
    private static final String TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final Map<String, String> SINGLE =
            Map.of("at", "INT64", "amount.value", "FP64", "session.length", "FP64", "merchant.country", "BYTES",
                    "card.brand", "BYTES", "card.token", "BYTES", "attributes[channel]", "BYTES");
    private static final Map<String, String> LISTS =
            Map.of("items[].sku", "BYTES", "items[].price", "FP64", "tags", "BYTES", "history[]", "FP64");

    private final String model = "payments-" + UUID.randomUUID();
    private final String events = "events-" + UUID.randomUUID();
    private final String topic = "scored-" + UUID.randomUUID();
    private final Topics topics = new Topics("p-" + UUID.randomUUID());
    private final TestPublisher publisher =
            new TestPublisher(SharedStack.get().bootstrapServers(), topics, model).createTopic();
    private final SchemaRegistry registry =
            SchemaRegistry.connect(Map.of("schema.registry.url", SharedStack.get().registryUrl()));
    private @Nullable ScorerApp started;

    private static Map<String, Object> kafka() {
        return Map.of("bootstrap.servers", SharedStack.get().bootstrapServers());
    }

    private void start(PublishedSnapshot snapshot, String... settings) throws Exception {
        List<String> arguments =
                new ArrayList<>(List.of("--bootstrap-servers", SharedStack.get().bootstrapServers(), "--registry-url",
                        SharedStack.get().registryUrl(), "--prefix", topics.prefix(), "--model", model, "--http-port",
                        "0", "--grpc-port", "0", "--log-topic", model + "=" + topic, "--unknown-fields", "ignore"));
        arguments.addAll(List.of(settings));
        createTopic(topics.status()); // whoever writes to it would wait for it
        started = ScorerApp.start(ScorerConfig.parse(arguments, Map.of()), InstantSource.system());
        publisher.publish(snapshot);
        assertThat(app().scorer(model).awaitReady(SOON)).isTrue();
    }

    private void createTopic() throws Exception {
        createTopic(topic);
    }

    private static void createTopic(String topic) throws Exception {
        try (Admin admin = Admin.create(kafka())) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        }
    }

    private ScorerApp app() {
        return Objects.requireNonNull(started, "start comes first");
    }

    @AfterEach
    void close() {
        if (started != null) {
            started.close();
        }
        publisher.close();
        registry.close();
    }

    private RawHttp.Answer post(String headers, String body) {
        try (RawHttp client = RawHttp.connect(app().port())) {
            client.send(RawHttp.post("/v1/models/" + model + "/score", "Content-Type: application/json\r\n" + headers,
                    body.getBytes(StandardCharsets.UTF_8)));
            return client.answer();
        }
    }

    private static String array() {
        return IntStream.range(0, Payments.COUNT).mapToObj(Payments::json).collect(Collectors.joining(" , ", "[", "]"));
    }

    private List<ConsumerRecord<byte[], byte[]>> logged(int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(kafka(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            await().atMost(SOON).until(() -> {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
                return records.size() >= count;
            });
            assertThat(consumer.endOffsets(List.of(partition))).containsValue((long) count);
        }
        return records;
    }

    private static Map<String, String> trace(ConsumerRecord<byte[], byte[]> record) {
        Map<String, String> found = new HashMap<>();
        for (Header header : record.headers()) {
            if (header.key().startsWith("trace")) {
                found.put(header.key(), new String(header.value(), StandardCharsets.UTF_8));
            }
        }
        return found;
    }

    private static Served served(ConsumerRecord<byte[], byte[]> record) throws ExampleException {
        return Objects.requireNonNull(Served.read(record.headers()));
    }

    private static String key(ConsumerRecord<byte[], byte[]> record) {
        return new String(record.key(), StandardCharsets.UTF_8);
    }

    /// What is in the log is what was answered, and the model answers the same to the logged event.
    private void assertLogged(Map<String, Float> answers, Schema schema) throws Exception {
        List<ConsumerRecord<byte[], byte[]>> records = logged(answers.size());
        AvroCodec codec = new AvroCodec(registry);
        Scorer scorer = app().scorer(model);
        ServedVersion version = Objects.requireNonNull(scorer.current());
        assertThat(records.stream().map(ServedLogsTest::key)).containsExactlyInAnyOrderElementsOf(answers.keySet());
        for (ConsumerRecord<byte[], byte[]> record : records) {
            GenericRecord event = codec.decode(record.value());
            assertThat(event.getSchema()).isEqualTo(schema);
            Served served = served(record);
            float answer = answers.getOrDefault(key(record), Float.NaN);
            assertThat(served.predictions()).containsExactly(answer);
            assertThat(scorer.score(event).probabilities()).containsExactly(answer);
            assertThat(served.model()).isEqualTo(model);
            assertThat(List.of(served.epoch(), served.version(), served.offset())).containsExactly(1, version.version(),
                    version.nextOffset());
            assertThat(served.stage()).isEqualTo(Served.Stage.LIVE);
            assertThat(served.propensity()).isNull();
        }
    }

    @Test
    void whatIsAnsweredOverHttpIsLoggedInTheEventsOwnSchemaUnderItsId() throws Exception {
        createTopic();
        registry.register(events + "-value", Payments.FIRST);
        registry.register(events + "-value", Payments.RENAMED);
        start(Payments.learned(model, "avro", events));
        Map<String, Float> answers = new HashMap<>();
        String ids = IntStream.range(0, Payments.COUNT).mapToObj(i -> "id%2C" + i).collect(Collectors.joining(", "));
        JsonNode given = post("Tidegrad-Id: " + ids + "\r\n", array()).json();
        long before = System.currentTimeMillis();
        JsonNode made = post("", array()).json();
        long after = System.currentTimeMillis();
        for (int i = 0; i < Payments.COUNT; i++) {
            assertThat(given.get("ids").get(i).asText()).isEqualTo("id," + i);
            answers.put("id," + i, answer(given, i));
            UUID id = UUID.fromString(made.get("ids").get(i).asText());
            assertThat(id.version()).isEqualTo(7);
            assertThat(id.getMostSignificantBits() >>> 16).isBetween(before, after);
            answers.put(id.toString(), answer(made, i));
        }
        assertLogged(answers, Payments.RENAMED);
        try (InputStream metrics = URI.create("http://127.0.0.1:" + app().port() + "/metrics").toURL().openStream()) {
            String told = new String(metrics.readAllBytes(), StandardCharsets.UTF_8);
            assertThat(MonitoredSeries.missingIn(told, name -> name.startsWith("tidegrad_scorer_log_"))).isEmpty();
            assertThat(MonitoredSeries.withoutUnit(told)).isEmpty();
        }
        // The schema is registered for the log, so that a stream's paths are looked for in it.
        assertThat(registry.latest(topic + "-value")).isEqualTo(Payments.RENAMED);
        RawHttp.Answer wrong = post("Tidegrad-Id: one,two\r\n", Payments.json(0));
        assertThat(wrong.status()).isEqualTo(400);
        assertThat(wrong.body()).contains("bad-query", "expected one id for each of 1 records", "found 2 ids");
    }

    private static float answer(JsonNode answer, int i) {
        return Float.parseFloat(answer.get("predictions").get(i).get("probabilities").get(0).asText());
    }

    @LongProof("a scorer of its own")
    @Test
    void whatIsAnsweredOverGrpcIsLoggedLikewise() throws Exception {
        createTopic();
        // A tensor's path can't say which keys the values of a map have.
        Schema schema = new Schema.Parser().parse(Payments.FIRST.toString()
                .replace("{\"type\":\"map\",\"values\":\"double\"}", "{\"type\":\"array\",\"items\":\"double\"}"));
        registry.register(events + "-value", schema);
        start(Payments.learned(model, "avro", events));
        ModelInferRequest.Builder request = tensors().putParameters("ids",
                InferParameter.newBuilder().setStringParam(
                        IntStream.range(0, Payments.COUNT).mapToObj(i -> "g" + i).collect(Collectors.joining(",")))
                        .build());
        ManagedChannel channel =
                NettyChannelBuilder.forAddress("127.0.0.1", app().grpcPort().getAsInt()).usePlaintext().build();
        try {
            ModelInferResponse response = GRPCInferenceServiceGrpc.newBlockingStub(channel).modelInfer(request.build());
            assertThat(response.getParametersOrThrow("ids").getStringParam()).startsWith("g0,g1,");
            Map<String, Float> answers = new HashMap<>();
            for (int i = 0; i < Payments.COUNT; i++) {
                answers.put("g" + i, response.getOutputs(0).getContents().getFp32Contents(i));
            }
            assertLogged(answers, schema);
        } finally {
            channel.shutdownNow();
        }
    }

    @Test
    void eventsOfAModelOfJsonAreLoggedAsTheyCame() throws Exception {
        createTopic();
        start(Payments.learned(model, "json", events));
        JsonNode answer = post("", array()).json();
        List<ConsumerRecord<byte[], byte[]>> records = logged(Payments.COUNT);
        for (int i = 0; i < Payments.COUNT; i++) {
            assertThat(new String(records.get(i).value(), StandardCharsets.UTF_8)).isEqualTo(Payments.json(i));
            assertThat(served(records.get(i)).predictions()).containsExactly(answer(answer, i));
            assertThat(trace(records.get(i))).isEmpty();
        }
    }

    @Test
    void anEventIsLoggedInTheTraceOfItsRequest() throws Exception {
        createTopic();
        start(Payments.learned(model, "json", events));
        assertThat(
                post("traceparent: " + TRACE + "\r\ntracestate: a=1\r\ntracestate: b=2\r\n", Payments.json(0)).status())
                .isEqualTo(200);
        assertThat(post("traceparent: 00-not-a-trace\r\n", Payments.json(0)).status()).isEqualTo(200);
        ManagedChannel channel =
                NettyChannelBuilder.forAddress("127.0.0.1", app().grpcPort().getAsInt()).usePlaintext().build();
        try {
            Metadata metadata = new Metadata();
            metadata.put(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), TRACE);
            GRPCInferenceServiceGrpc.newBlockingStub(channel)
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata))
                    .modelInfer(tensors().build());
        } finally {
            channel.shutdownNow();
        }
        List<Map<String, String>> traces = logged(2 + Payments.COUNT).stream().map(ServedLogsTest::trace).toList();
        assertThat(traces.subList(0, 2)).containsExactly(Map.of("traceparent", TRACE, "tracestate", "a=1,b=2"),
                Map.of());
        assertThat(traces.subList(2, traces.size())).containsOnly(Map.of("traceparent", TRACE));
    }

    private ModelInferRequest.Builder tensors() {
        ModelInferRequest.Builder request = ModelInferRequest.newBuilder().setModelName(model);
        SINGLE.forEach((field, type) -> request.addInputs(NestedFieldsTest.tensor(field, type,
                IntStream.range(0, Payments.COUNT).mapToObj(i -> Payments.value(i, field)).toList())));
        LISTS.forEach((field,
                type) -> request.addInputs(NestedFieldsTest
                        .tensor(field, type,
                                IntStream.range(0, Payments.COUNT).boxed()
                                        .<Object>flatMap(i -> Payments.values(i, field).stream()).toList())
                        .addShape(2)));
        return request;
    }

    @LongProof("six versions")
    @Test
    void aVersionIsLetGoAlthoughWhatItAnsweredWaitsForTheTopic() throws Exception {
        start(Payments.learned(model, 1));
        assertThat(post("", Payments.json(0)).status()).isEqualTo(200); // there is no topic yet
        WeakReference<ServedVersion> answered =
                new WeakReference<>(Objects.requireNonNull(app().scorer(model).current()));
        long first = Objects.requireNonNull(answered.get()).version();
        // The scorer itself keeps three earlier ones.
        for (int rounds = 2; rounds < 7; rounds++) {
            PublishedSnapshot next = Payments.learned(model, rounds);
            publisher.publish(next);
            await().atMost(SOON).until(() -> version() == next.manifest().version());
        }
        AtomicInteger posts = new AtomicInteger(1);
        await().atMost(SOON).until(() -> {
            // A session keeps the version that it scored by last.
            assertThat(post("", Payments.json(0)).status()).isEqualTo(200);
            posts.incrementAndGet();
            System.gc();
            return answered.get() == null;
        });
        assertThat(Objects.requireNonNull(app().log(model)).buffered()).isPositive();
        createTopic();
        assertThat(served(logged(posts.get()).getFirst()).version()).isEqualTo(first);
    }

    private long version() {
        return Objects.requireNonNull(app().scorer(model).current()).version();
    }

    @Test
    void whereTheLogIsRequiredARequestThatItCanNotTakeIsRefused() throws Exception {
        registry.register(events + "-value", Payments.FIRST);
        start(Payments.learned(model, "avro", events), "--log-required", "--log-buffer-bytes", "65536");
        await().atMost(SOON).until(() -> health().get("ready").asBoolean());
        assertThat(post("", Payments.json(0)).status()).isEqualTo(200);
        RawHttp.Answer unwritable = post("", Payments.json(0).replace("\"brand\":\"VISA\"", "\"brand\":\"OTHER\""));
        assertThat(unwritable.status()).isEqualTo(400);
        assertThat(unwritable.body()).contains("not-loggable", "\"record\":0",
                "field 'card.brand': expected one of [VISA, AMEX], found string \\\"OTHER\\\"");
        ServedLog log = Objects.requireNonNull(app().log(model));
        int taken = 1;
        RawHttp.Answer full;
        while ((full = post("", Payments.json(0))).status() == 200) { // there is no topic yet
            taken++;
        }
        assertThat(full.status()).isEqualTo(503);
        assertThat(full.body()).contains("log-full", "the buffer of 65536 bytes is full");
        createTopic();
        assertThat(logged(taken)).hasSize(taken);
        assertThat(log.lost(ServedLog.Loss.FULL)).isEqualTo(1);
        assertThat(health().at("/models/" + model + "/log/lost/full").asInt()).isEqualTo(1);
    }

    @LongProof("two models")
    @Test
    void whatAChallengerAnswersIsLoggedAsItsOwnAndAFullLogIsNotItsFailure() throws Exception {
        String other = "challenger-" + UUID.randomUUID();
        String bootstrap = SharedStack.get().bootstrapServers();
        try (TestControl control = new TestControl(bootstrap, topics).createTopic();
                TestPublisher challenger = new TestPublisher(bootstrap, topics, other).createTopic()) {
            challenger.publish(Payments.learned(other, "json", events));
            start(Payments.learned(model, "json", events), "--log-required", "--log-buffer-bytes", "65536");
            control.decide(model, new ControlAction.Challenge(other, 1, 3_000));
            ModelRouter router = app().router(model);
            await().atMost(SOON)
                    .until(() -> router.trials().stream().map(ModelRouter.Trial::scorer).anyMatch(Scorer::ready));
            Map<Boolean, List<String>> keys = IntStream.range(0, 100).mapToObj(i -> "customer-" + i)
                    .collect(Collectors.partitioningBy(key -> router.scorerFor(key) == router.live()));
            String ours = "Tidegrad-Key: " + keys.getOrDefault(true, List.of()).getFirst() + "\r\n";
            String theirs = "Tidegrad-Key: " + keys.getOrDefault(false, List.of()).getFirst() + "\r\n";
            assertThat(post(ours, Payments.json(0)).json().get("model").asText()).isEqualTo(model);
            int taken = 1;
            RawHttp.Answer answer;
            while ((answer = post(theirs, Payments.json(0))).status() == 200) { // there is no topic yet
                assertThat(answer.json().get("model").asText()).isEqualTo(other);
                taken++;
            }
            assertThat(answer.body()).contains("log-full");
            assertThat(Objects.requireNonNull(app().log(model)).lost(ServedLog.Loss.FULL)).isEqualTo(1);
            createTopic();
            for (ConsumerRecord<byte[], byte[]> record : logged(taken)) {
                Served served = served(record);
                boolean live = served.model().equals(model);
                assertThat(served.stage()).isEqualTo(live ? Served.Stage.LIVE : Served.Stage.CHALLENGER);
                assertThat(served.propensity()).isEqualTo(live ? 0.7 : 0.3);
                taken -= live ? 0 : 1;
            }
            assertThat(taken).as("answers of the live model").isEqualTo(1);
        }
    }

    private JsonNode health() throws IOException {
        try (RawHttp client = RawHttp.connect(app().port())) {
            client.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.UTF_8));
            return new ObjectMapper().readTree(client.answer().body());
        }
    }

    @Test
    void whereItIsNotRequiredAnEventThatCanNotBeWrittenIsAnsweredAndCounted() throws Exception {
        createTopic();
        registry.register(events + "-value", Payments.FIRST);
        start(Payments.learned(model, "avro", events));
        String body = "[" + Payments.json(0).replace("\"brand\":\"VISA\"", "\"brand\":\"OTHER\"") + ","
                + Payments.json(1) + "]";
        assertThat(post("Tidegrad-Id: a,b\r\n", body).status()).isEqualTo(200);
        assertThat(logged(1)).extracting(ServedLogsTest::key).containsExactly("b");
        assertThat(health().at("/models/" + model + "/log/lost/unwritable").asInt()).isEqualTo(1);
        assertThat(health().at("/models/" + model + "/log/problem").asText()).contains("unwritable", "card.brand");
    }
}
