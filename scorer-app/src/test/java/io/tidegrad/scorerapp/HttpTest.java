package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.proof.MonitoredSeries;
import io.tidegrad.schemas.Build;
import io.tidegrad.scorer.TestTrainer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// The scorer as its clients see it: a real broker, a real server, one model that serves and one that never comes.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HttpTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String RECORD = TestApp.RECORD;
    private static final Duration SOON = Duration.ofMinutes(1);

    private final TestApp app = TestApp.start();
    private final String model = app.flights;
    private final TestTrainer trainer = app.trainer;
    private final HttpClient client = HttpClient.newHttpClient();

    @AfterAll
    void close() {
        app.close();
        client.close();
    }

    private HttpResponse<String> send(String method, String path, BodyPublisher body) {
        try {
            return client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + app.port() + path))
                    .method(method, body).build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private HttpResponse<String> score(String body) {
        return post("/v1/models/" + model + "/score", body);
    }

    private HttpResponse<String> post(String path, String body) {
        return send("POST", path, BodyPublishers.ofString(body));
    }

    private HttpResponse<String> get(String path) {
        return send("GET", path, BodyPublishers.noBody());
    }

    private static JsonNode json(HttpResponse<String> response) {
        assertThat(response.headers().firstValue("Content-Type")).hasValue("application/json");
        try {
            return JSON.readTree(response.body());
        } catch (IOException e) {
            throw new AssertionError(response.body(), e);
        }
    }

    @Test
    void scoresOneRecordWithTheBitsOfTheTrainer() {
        HttpResponse<String> response = score("""
                {"departed": 978307920000, "distance": %s, "origin": "%s", "destination": "%s"}""".formatted(
                TestTrainer.event(12).get("distance"), TestTrainer.event(12).get("origin"),
                TestTrainer.event(12).get("destination")));
        assertThat(response.statusCode()).isEqualTo(200);
        JsonNode answer = json(response);
        assertThat(answer.get("model").asText()).isEqualTo(model);
        assertThat(answer.get("epoch").asInt()).isEqualTo(1);
        assertThat(answer.get("version").asLong()).isEqualTo(300);
        assertThat(answer.get("offset").asLong()).isEqualTo(300);
        assertThat(answer.get("freshness_ms").asLong()).isPositive();
        assertThat(answer.get("predictions")).hasSize(1);
        float probability = Float.parseFloat(answer.get("predictions").get(0).get("probabilities").get(0).asText());
        assertThat(probability).isEqualTo(trainer.answers(new long[]{12})[0]);
    }

    /// The documentation's request gets the documentation's answer, but for the numbers.
    @Test
    void theDocumentedExampleIsTrue() throws IOException {
        HttpResponse<String> response = score(Documented.curl("request").body());
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(Documented.shape(json(response)))
                .isEqualTo(Documented.shape(JSON.readTree(Documented.block("answer"))));
    }

    @Test
    void saysWhatEachFeatureAddsToAPredictionOfTheSameBits() throws IOException {
        HttpResponse<String> response = post("/v1/models/" + model + "/score?contributions=true", "[" + RECORD + "]");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(Documented.shape(json(response)))
                .isEqualTo(Documented.shape(JSON.readTree(Documented.block("explained-answer"))));
        JsonNode explained = json(response).get("predictions").get(0);
        assertThat(explained.get("probabilities"))
                .isEqualTo(json(score(RECORD)).get("predictions").get(0).get("probabilities"));
        double p = explained.get("probabilities").get(0).asDouble();
        assertThat(explained.get("logits").get(0).asDouble()).isCloseTo(Math.log(p / (1 - p)), within(1e-4));
        assertThat(post("/v1/models/" + model + "/score?contributions=yes", RECORD).body()).contains("bad-query",
                "expected true or false, found 'yes'");
    }

    @Test
    void scoresManyRecordsInOrder() {
        String other = RECORD.replace("SFO", "ORD");
        JsonNode together = json(score("[" + RECORD + "," + other + "," + RECORD + "]")).get("predictions");
        assertThat(together).hasSize(3);
        assertThat(together.get(0)).isEqualTo(json(score(RECORD)).get("predictions").get(0));
        assertThat(together.get(1)).isEqualTo(json(score(other)).get("predictions").get(0));
        assertThat(together.get(2)).isEqualTo(together.get(0));
    }

    @Test
    void timesAreIsoTextOrEpochMillis() {
        String epoch = RECORD.replace("\"2001-05-01T08:30:00Z\"", "988705800000");
        assertThat(json(score(epoch)).get("predictions")).isEqualTo(json(score(RECORD)).get("predictions"));
        String offset = RECORD.replace("08:30:00Z", "10:30:00+02:00");
        assertThat(json(score(offset)).get("predictions")).isEqualTo(json(score(RECORD)).get("predictions"));
    }

    @Test
    void aMistakeInOneOfManyNamesItsRecord() {
        JsonNode problem = json(score("[" + RECORD + "," + RECORD.replace("2586", "true1") + "]"));
        assertThat(problem.get("reason").asText()).isEqualTo("bad-json");
        problem = json(score("[" + RECORD + "," + RECORD.replace("2586", "\"x\"") + "]"));
        assertThat(problem.get("record").asInt()).isEqualTo(1);
        assertThat(problem.get("message").asText()).contains("distance").contains("a number");
    }

    @Test
    void aBodyThatIsTooLargeIsAnswered413() {
        String large = "[" + (RECORD + ",").repeat(12_000) + RECORD + "]";
        HttpResponse<String> declared = score(large);
        assertThat(declared.statusCode()).isEqualTo(413);
        assertThat(json(declared).get("reason").asText()).isEqualTo("body-too-large");
        byte[] bytes = large.getBytes(StandardCharsets.UTF_8);
        HttpResponse<String> chunked = send("POST", "/v1/models/" + model + "/score",
                BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes)));
        assertThat(chunked.statusCode()).isEqualTo(413);
        assertThat(score(RECORD).statusCode()).as("afterwards").isEqualTo(200);
    }

    @Test
    void pathsAndMethodsThatAreNotThereSaySo() {
        HttpResponse<String> unknown = send("POST", "/v1/models/other/score", BodyPublishers.ofString(RECORD));
        assertThat(unknown.statusCode()).isEqualTo(404);
        assertThat(json(unknown).get("message").asText()).contains("other").contains(model).contains("never");
        assertThat(get("/v1/models/" + model + "/score").statusCode()).isEqualTo(405);
        assertThat(get("/v3").statusCode()).isEqualTo(404);
        assertThat(json(get("/v3")).get("reason").asText()).isEqualTo("unknown-path");
    }

    @Test
    void aModelWithoutASnapshotIsAnswered503() {
        HttpResponse<String> response = send("POST", "/v1/models/never/score", BodyPublishers.ofString(RECORD));
        assertThat(response.statusCode()).isEqualTo(503);
        assertThat(json(response).get("reason").asText()).isEqualTo("not-ready");
        assertThat(response.headers().firstValue("Retry-After")).hasValue("1");
        assertThat(get("/v1/models/never").statusCode()).isEqualTo(503);
    }

    @Test
    void healthTellsLifeAndReadinessApart() {
        assertThat(get("/health/live").statusCode()).isEqualTo(200);
        assertThat(get("/health/ready").statusCode()).as("one model never comes").isEqualTo(503);
        // A model is ready before its follower has read the topic to its end.
        JsonNode health = await().atMost(SOON).until(() -> json(get("/health")),
                told -> told.get("models").get(model).get("follower").asText().equals("following")
                        && told.get("models").get("never").get("follower").asText().equals("waiting-for-topic"));
        assertThat(health.get("live").asBoolean()).isTrue();
        assertThat(health.get("ready").asBoolean()).isFalse();
        JsonNode served = health.get("models").get(model);
        assertThat(served.get("ready").asBoolean()).isTrue();
        assertThat(served.get("version").asLong()).isEqualTo(300);
    }

    @Test
    void aModelTellsItsVersionHashAndFields() {
        JsonNode told = json(get("/v1/models/" + model));
        assertThat(told.get("version").asLong()).isEqualTo(300);
        assertThat(told.get("weights_hash").asText()).isEqualTo(trainer.model().weightsHash());
        assertThat(told.get("admissions").asLong()).isEqualTo(1);
        assertThat(told.get("offset").asLong()).isEqualTo(300);
        assertThat(told.get("event_time_ms").asLong()).isPositive();
        assertThat(told.get("freshness_ms").asLong()).isPositive();
        assertThat(told.get("snapshots_refused")).isEmpty();
        assertThat(told.get("fields").get("distance").asText()).isEqualTo("number");
        assertThat(json(get("/v1/models")).get("models")).hasSize(3);
    }

    @Test
    void admissionsCanBeReadFromWhereOneLeftOff() {
        JsonNode all = json(get("/v1/models/" + model + "/admissions"));
        assertThat(all.get("count").asLong()).isEqualTo(1);
        JsonNode first = all.get("admissions").get(0);
        assertThat(first.get("sequence").asLong()).isEqualTo(1);
        assertThat(first.get("next_offset").asLong()).isEqualTo(300);
        assertThat(first.get("newest_append_time_ms").asLong()).isEqualTo(TestTrainer.appendTime(299));
        assertThat(json(get("/v1/models/" + model + "/admissions?after=1")).get("admissions")).isEmpty();
        assertThat(get("/v1/models/" + model + "/admissions?after=x").statusCode()).isEqualTo(400);
    }

    @Test
    void metricsAreWhatPrometheusReads() {
        score(RECORD);
        score("{");
        // A request is counted when its answer is written, which its client may have read by then.
        await().atMost(SOON).untilAsserted(() -> assertThat(get("/metrics").body())
                .contains("tidegrad_scorer_version{model=\"" + model + "\"} 300.0")
                .contains("tidegrad_scorer_snapshots_loaded_total{model=\"" + model + "\"} 1.0")
                .contains("tidegrad_scorer_snapshots_refused_total{model=\"" + model + "\",reason=\"golden-rows\"} 0.0")
                .contains("tidegrad_scorer_freshness_seconds{model=\"" + model + "\"}")
                .contains("tidegrad_scorer_requests_seconds_bucket{model=\"" + model + "\",status=\"200\"")
                .contains("tidegrad_scorer_requests_seconds_count{model=\"" + model + "\",status=\"400\"}")
                .contains("tidegrad_scorer_predictions_total{model=\"" + model + "\"}")
                .contains("tidegrad_scorer_ready{model=\"never\"} 0.0"));
    }

    @Test
    void theSeriesThatAlarmsAndDashboardsAskForAreThere() {
        score(RECORD);
        await().atMost(SOON).untilAsserted(
                () -> assertThat(MonitoredSeries.missingIn(get("/metrics").body(), HttpTest::isHere)).isEmpty());
    }

    @Test
    void metricsTellTheBuildAndTheEpochThatIsServed() {
        String metrics = get("/metrics").body();
        assertThat(MonitoredSeries.withoutUnit(metrics)).isEmpty();
        assertThat(metrics.lines().filter(line -> line.startsWith("tidegrad_build_info"))).singleElement().asString()
                .contains("version=\"" + Build.version() + "\"", "java_version=\"" + Runtime.version() + "\"")
                .endsWith("} 1");
        // None is of the model that never comes.
        assertThat(metrics.lines().filter(line -> line.startsWith("tidegrad_model_info{"))).hasSize(2)
                .contains("tidegrad_model_info{epoch=\"1\",fingerprint=\""
                        + HexFormat.of().formatHex(trainer.model().spec().fingerprint()) + "\",model=\"" + model
                        + "\"} 1");
    }

    /// Others are of other processes, or of scorers with more settings, and looked for in their tests.
    private static boolean isHere(String series) {
        return series.startsWith("jvm_") || series.startsWith("process_") || series.endsWith("_info")
                || series.startsWith("tidegrad_scorer_") && !series.startsWith("tidegrad_scorer_requests_topic_")
                        && !series.startsWith("tidegrad_scorer_log_");
    }
}
