package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.ControlAction;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.TestBroker;
import io.tidegrad.scorer.TestControl;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorerapp.RawHttp.Answer;
import java.time.Duration;
import java.time.InstantSource;
import java.util.AbstractCollection;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;

/// What clients and operators see of decisions: a process that serves two models, one story.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ControlHttpTest {
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final long[] OFFSETS = {1, 2, 3};

    private final TestApp app = TestApp.of("FLIGHTS,KINDS", Scorer::open);
    private final String model = app.flights;
    private final String other = app.kinds;
    private final TestTrainer challenger = TestTrainer.of(other, 1, 4).learn(20);
    private final TestPublisher theirs = new TestPublisher(TestBroker.bootstrapServers(), other).createTopic();
    private final TestControl control = new TestControl(TestBroker.bootstrapServers(), Topics.DEFAULT).createTopic();
    private final PublishedSnapshot base = app.trainer.publishFull();

    @BeforeAll
    void publish() throws InterruptedException {
        app.publisher.publish(base);
        theirs.publish(challenger.publishFull());
        assertThat(app.scorer(model).awaitReady(SOON)).isTrue();
        assertThat(app.scorer(other).awaitReady(SOON)).isTrue();
    }

    @AfterAll
    void close() {
        app.close();
        theirs.close();
        control.close();
    }

    private Answer get(String path) {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.bytes("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"));
            return http.answer();
        }
    }

    private Answer score(String of) {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.post("/v1/models/" + of + "/score", "", Flights.records(OFFSETS)));
            return http.answer();
        }
    }

    private Answer infer(String of) {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.post("/v2/models/" + of + "/infer", "", RawHttp.bytes(Flights.tensors(OFFSETS))));
            return http.answer();
        }
    }

    private JsonNode health(String of) {
        return get("/health").json().get("models").get(of);
    }

    private String metrics() {
        return get("/metrics").body();
    }

    private String series(String name) {
        return "tidegrad_scorer_" + name + "{model=\"" + model + "\"} ";
    }

    @Order(1)
    @Test
    void withoutARecordEveryNameIsItsOwn() {
        JsonNode health = health(model);
        assertThat(health.get("model").asText()).isEqualTo(model);
        assertThat(health.get("stage").asText()).isEqualTo("live");
        assertThat(health.get("control").get("records").asLong()).isZero();
        assertThat(metrics()).contains(series("promoted") + "0.0");
    }

    @Order(2)
    @Test
    void aRollbackIsInAnswersHealthAndMetrics() {
        PublishedSnapshot newer = app.trainer.learn(10).publishDelta();
        app.publisher.publish(newer);
        await().atMost(SOON).until(() -> health(model).get("version").asLong() == newer.manifest().version());
        control.rollBack(2, base);
        await().atMost(SOON).until(() -> score(model).json().get("epoch").asInt() == 2);
        assertThat(score(model).json().get("version").asLong()).isEqualTo(base.manifest().version());
        JsonNode health = health(model);
        assertThat(health.get("brought_back").asLong()).isEqualTo(1);
        JsonNode told = health.get("control");
        assertThat(told.get("rolled_back_to").get("epoch").asInt()).isEqualTo(1);
        assertThat(told.get("last").get("action").asText()).isEqualTo("rollback");
        assertThat(told.get("last").get("author").asText()).isEqualTo("ops@here");
        assertThat(told.has("problem")).isFalse();
        assertThat(get("/v1/models/" + model).json().get("weights_hash").asText())
                .isEqualTo(base.manifest().weightsHash());
        String back = "2." + base.manifest().version();
        assertThat(infer(model).json().get("model_version").asText()).isEqualTo(back);
        assertThat(get("/v2/models/" + model).json().get("versions").toString())
                .as("what was left behind is not on offer").isEqualTo("[\"" + back + "\"]");
        assertThat(metrics())
                .contains("tidegrad_scorer_snapshots_admitted_total{kind=\"rollback\",model=\"" + model + "\"} 1.0")
                .contains(series("control_problem") + "0.0");
    }

    @Order(3)
    @Test
    void anAnswerNamesTheModelThatWasPromoted() {
        control.decide(model, new ControlAction.Promote(other, 1));
        await().atMost(SOON).until(() -> score(model).json().get("model").asText().equals(other));
        Answer answer = score(model);
        assertThat(Flights.answers(answer)).isEqualTo(challenger.answers(OFFSETS));
        assertThat(get("/v1/models/" + model).json().get("model").asText()).isEqualTo(other);
        assertThat(health(model).get("control").get("answered_by").asText()).isEqualTo(other);
        JsonNode inference = infer(model).json();
        assertThat(inference.get("model_name").asText()).isEqualTo(model);
        assertThat(inference.get("parameters").get("model").asText()).isEqualTo(other);
        assertThat(get("/v2/models/" + model).json().get("versions").toString())
                .isEqualTo("[\"1." + answer.json().get("version") + "\"]");
        assertThat(metrics()).contains(series("promoted") + "1.0");
        JsonNode admissions = get("/v1/models/" + model + "/admissions").json().get("admissions");
        assertThat(admissions.get(admissions.size() - 1).get("model").asText()).isEqualTo(other);
    }

    @Order(4)
    @Test
    void theDeletionOfAModelThatNoNameNeedsChangesNothing() {
        control.decide(model, new ControlAction.Delete());
        control.decide(other, new ControlAction.Pause());
        await().atMost(SOON).until(() -> health(model).get("stage").asText().equals("paused"));
        assertThat(score(model).status()).isEqualTo(200);
        assertThat(get("/health/ready").status()).isEqualTo(200);
    }

    /// There is no trainer here that creates it.
    @Order(5)
    @Test
    void aStatusTopicThatIsNotThereIsCountedAndKeepsNobodyFromAnswering() {
        await().atMost(SOON).until(() -> metrics().lines()
                .anyMatch(line -> line.matches("tidegrad_scorer_status_failures_total\\{model=\"-\"} [1-9].*")));
        assertThat(metrics()).contains("tidegrad_scorer_status_records_total{model=\"-\"} 0.0");
        assertThat(score(model).status()).isEqualTo(200);
    }

    /// A timer runs nothing again that has thrown.
    @Order(5)
    @Test
    void whatThrowsOnceKeepsTheProcessFromTellingForAMomentOnly() {
        AtomicInteger asked = new AtomicInteger();
        Collection<ModelRouter> erring = new AbstractCollection<>() {
            @Override
            public Iterator<ModelRouter> iterator() {
                if (asked.incrementAndGet() == 1) {
                    throw new OutOfMemoryError("thrown on purpose");
                }
                return Collections.emptyIterator();
            }

            @Override
            public int size() {
                return 0;
            }
        };
        try (StatusTopic status = new StatusTopic(KafkaSettings.of("127.0.0.1:1"), Topics.DEFAULT, "here:1", erring,
                Set.of(), InstantSource.system())) {
            await().atMost(SOON).until(() -> asked.get() >= 2);
            assertThat(status.failures()).isPositive();
        }
    }

    @Order(6)
    @Test
    void aDeletedModelIsGoneAndTheOthersStayReady() {
        control.decide(model, new ControlAction.Promote(model, 2));
        await().atMost(SOON).until(() -> score(model).status() == 410);
        Answer gone = score(model);
        assertThat(gone.json().get("reason").asText()).isEqualTo("model-deleted");
        assertThat(gone.json().get("message").asText()).contains("by ops@here: as tested");
        assertThat(get("/v1/models/" + model).status()).isEqualTo(410);
        assertThat(infer(model).status()).isEqualTo(410);
        assertThat(infer(model).json().get("error").asText()).startsWith("model-deleted: ")
                .contains("by ops@here: as tested");
        assertThat(get("/v2/models/" + model + "/ready").status()).isEqualTo(503);
        JsonNode health = health(model);
        assertThat(health.get("ready").asBoolean()).isFalse();
        assertThat(health.get("stage").asText()).isEqualTo("deleted");
        assertThat(health.get("follower_detail").asText()).contains("was deleted");
        assertThat(get("/health/ready").status()).isEqualTo(200);
        assertThat(score(other).status()).isEqualTo(200);
        assertThat(metrics()).contains("tidegrad_scorer_stage{model=\"" + model + "\",stage=\"deleted\"} 1.0");

        control.decide(other, new ControlAction.Delete());
        await().atMost(SOON).until(() -> score(other).status() == 410);
        assertThat(get("/health/ready").status()).as("nothing is left").isEqualTo(503);
    }
}
