package io.tidegrad.scorerapp;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.ControlAction;
import io.tidegrad.model.feature.Event;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Comparison;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.TestBroker;
import io.tidegrad.scorer.TestControl;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorerapp.RawHttp.Answer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.avro.SchemaBuilder;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;

/// What clients and operators see of models that are tried: one process, one story.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class CandidatesHttpTest {
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final String REGISTRY = "mock://stages";
    private static final long[] OFFSETS = {1, 2, 3};
    private static final List<Event> EVENTS = LongStream.of(OFFSETS).<Event>mapToObj(TestTrainer::event).toList();

    private final TestApp app = TestApp.staged("FLIGHTS", REGISTRY);
    private final String model = app.flights;
    private final String wide = TestBroker.newModelName();
    private final String narrow = TestBroker.newModelName();
    private final TestPublisher wides = new TestPublisher(TestBroker.bootstrapServers(), wide).createTopic();
    private final TestPublisher narrows = new TestPublisher(TestBroker.bootstrapServers(), narrow).createTopic();
    private final TestControl control = new TestControl(TestBroker.bootstrapServers(), Topics.DEFAULT).createTopic();

    @BeforeAll
    void publish() throws InterruptedException, ExecutionException {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", TestBroker.bootstrapServers()))) {
            admin.createTopics(List.of(new NewTopic(Topics.DEFAULT.progress(), 1, (short) 1))).all().get();
        }
        app.publisher.publish(app.trainer.publishFull());
        wides.publish(TestTrainer.of(wide, 1, 32).learn(200).publishFull());
        // Reads no origin and no time of departure: requests hold fields that it does not know.
        narrows.publish(TestTrainer.ofDistances(narrow).learn(200).publishFull());
        assertThat(app.scorer(model).awaitReady(SOON)).isTrue();
    }

    @AfterAll
    void close() {
        wides.close();
        narrows.close();
        control.close();
    }

    private Answer get(String path) {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.bytes("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"));
            return http.answer();
        }
    }

    private Answer score(String key, byte[] records) {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.post("/v1/models/" + model + "/score",
                    key.isEmpty() ? "" : "Tidegrad-Key: " + key + "\r\n", records));
            return http.answer();
        }
    }

    private String answeredBy(String key) {
        Answer answer = score(key, Flights.records(OFFSETS));
        assertThat(answer.status()).as(answer.body()).isEqualTo(200);
        return answer.json().get("model").asText();
    }

    private JsonNode infer(String key) {
        String tensors = Flights.tensors(OFFSETS);
        String keyed = "{\"parameters\": {\"key\": \"" + key + "\"}," + tensors.strip().substring(1);
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.post("/v2/models/" + model + "/infer", "", RawHttp.bytes(keyed)));
            return http.answer().json();
        }
    }

    private Scorer tried(String candidate) {
        return app.router(model).trials().stream().filter(each -> each.candidate().model().equals(candidate))
                .findFirst().orElseThrow().scorer();
    }

    private void awaitTried(String candidate) {
        await().atMost(SOON).ignoreExceptionsInstanceOf(java.util.NoSuchElementException.class)
                .until(() -> tried(candidate).ready());
    }

    private double metric(String name, String... tags) {
        return get("/metrics").body().lines().filter(line -> line.startsWith("tidegrad_scorer_" + name + "{"))
                .filter(line -> List.of(tags).stream().allMatch(line::contains))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1))).sum();
    }

    private double ofShadow(String figure) {
        return metric("shadow_" + figure + "_total", "shadow=\"" + wide + "\"");
    }

    @Order(1)
    @Test
    void withoutCandidatesAKeyChangesNothing() {
        assertThat(answeredBy("customer-1")).isEqualTo(model);
        assertThat(get("/health").json().at("/models/" + model).has("candidates")).isFalse();
    }

    @Order(2)
    @Test
    void aShadowScoresWhatIsAskedAnswersNothingAndIsCompared() {
        control.decide(model, new ControlAction.Shadow(wide, 1));
        awaitTried(wide);
        for (int i = 0; i < 20; i++) {
            assertThat(answeredBy("customer-" + i)).isEqualTo(model);
        }
        await().atMost(SOON).until(() -> ofShadow("records") == 60);

        // By hand, from the two models as they answer alone.
        Predictions live = app.scorer(model).scoreAll(EVENTS);
        Predictions shadow = tried(wide).scoreAll(EVENTS);
        double difference = 0;
        int agreed = 0;
        for (int i = 0; i < 3; i++) {
            float ours = live.probability(i, 0);
            float theirs = shadow.probability(i, 0);
            difference += Math.abs(ours - theirs);
            agreed += (ours >= 0.5f) == (theirs >= 0.5f) ? 1 : 0;
        }
        assertThat(difference).as("the models differ").isPositive();
        assertThat(ofShadow("difference")).isCloseTo(20 * difference, within(1e-9));
        assertThat(ofShadow("agreed_records")).isEqualTo(20 * agreed);
        assertThat(ofShadow("refused_records") + ofShadow("dropped_records")).isZero();
        JsonNode candidate = get("/health").json().at("/models/" + model + "/candidates/0");
        assertThat(candidate.get("model").asText()).isEqualTo(wide);
        assertThat(candidate.get("role").asText()).isEqualTo("shadow");
        assertThat(candidate.get("version").asLong()).isEqualTo(200);
    }

    @Order(3)
    @Test
    void aChallengerAnswersForItsKeysByEveryWayIn() {
        control.decide(model, new ControlAction.Challenge(narrow, 1, 3_000));
        awaitTried(narrow);
        List<String> keys = IntStream.range(0, 40).mapToObj(i -> "customer-" + i).toList();
        List<String> by = keys.stream().map(this::answeredBy).toList();
        assertThat(by).containsOnly(model, narrow);
        assertThat(keys.stream().map(this::answeredBy)).as("the same again").isEqualTo(by);
        assertThat(keys.stream().map(key -> infer(key).at("/parameters/model").asText())).as("as in /v1").isEqualTo(by);
        assertThat(answeredBy("")).as("without a key").isEqualTo(model);

        String theirs = keys.get(by.indexOf(narrow));
        Predictions alone = tried(narrow).scoreAll(EVENTS);
        JsonNode predictions = score(theirs, Flights.records(OFFSETS)).json().get("predictions");
        for (int i = 0; i < OFFSETS.length; i++) {
            assertThat((float) predictions.get(i).get("probabilities").get(0).asDouble())
                    .isEqualTo(alone.probability(i, 0));
        }
        assertThat(metric("challenger_predictions_total", "challenger=\"" + narrow + "\"")).isPositive();
    }

    @Order(4)
    @Test
    void whatAChallengerCanNotScoreTheLiveModelAnswers() {
        // Needs the size of a photo, which no departure has.
        app.publishKinds();
        control.decide(model, new ControlAction.Challenge(app.kinds, 1, 7_000));
        awaitTried(app.kinds);
        String theirs = IntStream.range(0, 100).mapToObj(i -> "customer-" + i)
                .filter(key -> app.router(model).scorerFor(key).model().equals(app.kinds)).findFirst().orElseThrow();
        assertThat(answeredBy(theirs)).isEqualTo(model);
        assertThat(infer(theirs).at("/parameters/model").asText()).isEqualTo(model);
        assertThat(metric("challenger_refused_requests_total", "reason=\"missing-field\"")).isEqualTo(2);

        Answer refused = score(theirs, RawHttp.bytes(TestApp.RECORD.replace("origin", "orgin")));
        assertThat(refused.status()).isEqualTo(400);
        assertThat(refused.json().get("reason").asText()).isEqualTo("unknown-field");
        assertThat(metric("challenger_refused_requests_total"))
                .as("a mistake of the client is not laid at the challenger's door").isEqualTo(2);
        control.decide(model, new ControlAction.Withdraw(app.kinds));
    }

    @Order(5)
    @Test
    void aPromotedChallengerAnswersEveryKeyAndTheOthersAreWithdrawn() {
        control.decide(model, new ControlAction.Promote(narrow, 1));
        control.decide(model, new ControlAction.Withdraw(wide));
        await().atMost(SOON).untilAsserted(() -> {
            assertThat(app.router(model).trials()).isEmpty();
            assertThat(Objects.requireNonNull(app.scorer(model).current()).model()).isEqualTo(narrow);
        });
        assertThat(get("/v1/models/" + model).json().has("candidates")).isFalse();
    }

    /// Whole events, of which the promoted model reads half. Nobody else here learns from them any more.
    @Order(6)
    @Test
    void fieldsThatTheEventsHaveAreNoMistakeOfWhoAsksOnceTheRegistryHasThem() {
        byte[] events = Flights.records(OFFSETS);
        Answer before = score("", events);
        assertThat(before.json().get("reason").asText()).as(before.body()).isEqualTo("unknown-field");
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", REGISTRY))) {
            registry.register("flights-value",
                    SchemaBuilder.record("Flight").fields().requiredLong("departed").requiredLong("distance")
                            .requiredString("origin").requiredString("destination").requiredBoolean("late")
                            .requiredString("flight_id").endRecord());
        }
        await().atMost(SOON.multipliedBy(2)).until(() -> score("", events).status() == 200);
        assertThat(answeredBy("")).isEqualTo(narrow);
        assertThat(infer("").at("/parameters/model").asText()).isEqualTo(narrow);
        byte[] withId = RawHttp.bytes(TestApp.RECORD.replace("{", "{\"flight_id\": {\"a\": [1]}, "));
        assertThat(score("", withId).status()).isEqualTo(200);
        Answer mistake = score("", RawHttp.bytes(TestApp.RECORD.replace("origin", "orgin")));
        assertThat(mistake.json().get("reason").asText()).isEqualTo("unknown-field");
    }

    @Order(7)
    @Test
    void howAShadowComparedIsToldOnTheTopicOfProgress() {
        double records = ofShadow("records");
        double difference = ofShadow("difference");
        app.close();
        List<Comparison> told = comparisons();
        assertThat(told.stream().mapToLong(Comparison::getRecords).sum()).isEqualTo((long) records);
        assertThat(told.stream().mapToDouble(each -> each.getMeanAbsoluteDifference() * each.getRecords()).sum())
                .isCloseTo(difference, within(1e-9));
        Comparison last = told.getLast();
        assertThat(last.getName()).isEqualTo(model);
        assertThat(last.getModel()).isEqualTo(model);
        assertThat(last.getShadow()).isEqualTo(wide);
        assertThat(last.getShadowVersion()).isEqualTo(200);
        assertThat(last.getAgreed()).isNotNull();
        assertThat(last.getSince()).isBefore(last.getTime());
    }

    private List<Comparison> comparisons() {
        AvroCodec codec = new AvroCodec(SchemaRegistry.connect(Map.of("schema.registry.url", REGISTRY)));
        List<Comparison> told = new ArrayList<>();
        TopicPartition progress = new TopicPartition(Topics.DEFAULT.progress(), 0);
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(Map.of("bootstrap.servers", TestBroker.bootstrapServers()),
                        new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(progress));
            consumer.seekToBeginning(List.of(progress));
            long end = consumer.endOffsets(List.of(progress)).getOrDefault(progress, 0L);
            while (consumer.position(progress) < end) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(SOON)) {
                    if (new String(record.key(), UTF_8).equals(model + "~" + wide)) {
                        told.add(codec.decode(record.value(), Comparison.class));
                    }
                }
            }
        }
        return told;
    }
}
