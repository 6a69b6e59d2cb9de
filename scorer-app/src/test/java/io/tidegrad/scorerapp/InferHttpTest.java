package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidegrad.schemas.Build;
import io.tidegrad.scorerapp.RawHttp.Answer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// `/v2` as the Open Inference Protocol's specification has it: paths, objects, member names, types, statuses.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class InferHttpTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration SOON = Duration.ofSeconds(30);

    private static final String INPUTS = """
            [{"name": "departed", "shape": [2], "datatype": "INT64", "data": [988705800000, 988705800000]},
             {"name": "distance", "shape": [2], "datatype": "FP64", "data": [2586, 733]},
             {"name": "origin", "shape": [2], "datatype": "BYTES", "data": ["SFO", "ORD"]},
             {"name": "destination", "shape": [2], "datatype": "BYTES", "data": ["JFK", "LGA"]}]""";

    private static final long[] OFFSETS = LongStream.range(0, 300).toArray();

    private final TestApp app = TestApp.start();
    private final float[] answers = app.trainer.answers(OFFSETS); // by version 300
    private final String flights = "/v2/models/" + app.flights;

    @AfterAll
    void close() {
        app.close();
    }

    private Answer send(byte[] request) {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(request);
            return http.answer();
        }
    }

    private Answer get(String path) {
        return send(RawHttp.bytes("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    }

    private Answer post(String path, String body) {
        return send(RawHttp.post(path, "Content-Type: application/json\r\n", RawHttp.bytes(body)));
    }

    private Answer infer(String body) {
        return post(flights + "/infer", body);
    }

    private static void assertRefused(Answer answer, int status, String reason, String message) {
        assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
        assertThat(answer.headers()).containsEntry("content-type", "application/json");
        assertThat(Documented.shape(answer.json())).isEqualTo("{error: STRING}");
        assertThat(answer.json().get("error").asText()).startsWith(reason + ": ").contains(message).hasSizeLessThan(600)
                .doesNotContain("\n", "Exception", "io.tidegrad", "fasterxml", "helidon");
    }

    private static float[] data(JsonNode output) {
        float[] data = new float[output.get("data").size()];
        for (int i = 0; i < data.length; i++) {
            assertThat(output.get("data").get(i).isNumber()).isTrue();
            data[i] = Float.parseFloat(output.get("data").get(i).asText());
        }
        return data;
    }

    @Test
    void theServerTellsItsNameVersionAndExtensions() {
        Answer answer = get("/v2");
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.headers()).containsEntry("content-type", "application/json");
        assertThat(answer.body())
                .isEqualTo("{\"name\":\"tidegrad\",\"version\":\"" + Build.version() + "\",\"extensions\":[]}");
        assertThat(Build.version()).matches("\\d+\\.\\d+\\.\\d+");
        assertThat(get("/v2/").body()).as("as the OpenAPI file writes it").isEqualTo(answer.body());
    }

    @Test
    void probesAnswerByStatusAndBody() {
        assertThat(get("/v2/health/live").status()).isEqualTo(200);
        assertThat(get("/v2/health/live").body()).isEqualTo("{\"live\":true}");
        Answer ready = get("/v2/health/ready");
        assertThat(ready.status()).as("one model never comes").isEqualTo(503);
        assertThat(ready.body()).isEqualTo("{\"live\":true,\"ready\":false}");
        assertThat(get(flights + "/ready").status()).isEqualTo(200);
        assertThat(get(flights + "/ready").body()).isEqualTo("{\"name\":\"" + app.flights + "\",\"ready\":true}");
        assertThat(get("/v2/models/never/ready").status()).isEqualTo(503);
        assertThat(get("/v2/models/never/ready").body()).isEqualTo("{\"name\":\"never\",\"ready\":false}");
        assertRefused(get("/v2/models/other/ready"), 404, "unknown-model", "no model 'other'");
    }

    /// Without what changes from one moment to the next.
    private JsonNode described(String path) {
        ObjectNode described = (ObjectNode) get(path).json();
        described.remove("parameters");
        return described;
    }

    @Test
    void aModelTellsItsTensors() {
        JsonNode told = get("/v2/models/" + app.flights).json().get("parameters");
        // Another test publishes more.
        assertThat(told.get("version").asLong()).isGreaterThanOrEqualTo(300);
        assertThat(told.get("offset").asLong()).isGreaterThanOrEqualTo(300);
        assertThat(told.get("event_time_ms").asLong()).isPositive();
        assertThat(told.get("freshness_ms").asLong()).isPositive();
        assertThat(told.get("snapshots_refused")).isEmpty();
        JsonNode kinds = described("/v2/models/" + app.kinds);
        assertThat(kinds.toString()).isEqualTo(
                "{\"name\":\"" + app.kinds + "\",\"versions\":[\"1.0\"],\"platform\":\"tidegrad_snapshot\",\"inputs\":["
                        + "{\"name\":\"size\",\"datatype\":\"FP64\",\"shape\":[-1]},"
                        + "{\"name\":\"camera\",\"datatype\":\"BYTES\",\"shape\":[-1]},"
                        + "{\"name\":\"lens\",\"datatype\":\"BYTES\",\"shape\":[-1]},"
                        + "{\"name\":\"taken\",\"datatype\":\"INT64\",\"shape\":[-1]},"
                        + "{\"name\":\"angle\",\"datatype\":\"FP64\",\"shape\":[-1]},"
                        + "{\"name\":\"sold\",\"datatype\":\"INT64\",\"shape\":[-1]},"
                        + "{\"name\":\"image\",\"datatype\":\"FP64\",\"shape\":[-1,2,2]}],"
                        + "\"outputs\":[{\"name\":\"probabilities\",\"datatype\":\"FP32\",\"shape\":[-1,1]}]}");
        assertThat(described("/v2/models/" + app.kinds + "/versions/1.0")).isEqualTo(kinds);
        assertRefused(get("/v2/models/never"), 503, "not-ready", "has no snapshot yet");
    }

    /// The specification's request, with this model's tensors: an id, two and more inputs, an output by name.
    @Test
    void anInferenceHasTheMembersOfTheSpecification() {
        Answer answer =
                infer("{\"id\": \"42\", \"inputs\": " + INPUTS + ", \"outputs\": [{\"name\": \"probabilities\"}]}");
        assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
        assertThat(answer.headers()).containsEntry("content-type", "application/json");
        JsonNode json = answer.json();
        assertThat(Documented.shape(json))
                .isEqualTo("{model_name: STRING, model_version: STRING, id: STRING, parameters: {model: STRING,"
                        + " epoch: NUMBER, version: NUMBER, offset: NUMBER, freshness_ms: NUMBER},"
                        + " outputs: [{name: STRING, datatype: STRING, shape: [NUMBER], data: [NUMBER]}]}");
        assertThat(json.get("model_name").asText()).isEqualTo(app.flights);
        assertThat(json.get("model_version").asText()).isEqualTo("1." + json.get("parameters").get("version").asLong());
        assertThat(json.get("id").asText()).isEqualTo("42");
        assertThat(json.get("parameters").get("model").asText()).isEqualTo(app.flights);
        JsonNode output = json.get("outputs").get(0);
        assertThat(output.get("name").asText()).isEqualTo("probabilities");
        assertThat(output.get("datatype").asText()).isEqualTo("FP32");
        assertThat(output.get("shape").toString()).isEqualTo("[2,1]");
        assertThat(output.get("data")).hasSize(2);
        JsonNode without = infer("{\"inputs\": " + INPUTS + ", \"outputs\": []}").json();
        assertThat(without.has("id")).isFalse();
        assertThat(without.get("outputs")).isEqualTo(json.get("outputs"));
    }

    @Test
    void anAnswerHasTheBitsOfTheOtherEndpointAndOfTheTrainer() {
        JsonNode json = post(flights + "/versions/1.300/infer", Flights.tensors(OFFSETS)).json();
        assertThat(data(json.get("outputs").get(0))).isEqualTo(answers);
        Answer records = send(RawHttp.post("/v1/models/" + app.flights + "/score", "", Flights.records(OFFSETS)));
        JsonNode same = post(flights + "/versions/" + records.json().get("version").asLong() + "/infer",
                Flights.tensors(OFFSETS)).json();
        assertThat(data(same.get("outputs").get(0))).isEqualTo(Flights.answers(records));
    }

    /// Every kind of feature, random values, each batch as records and as tensors.
    @Test
    void randomRecordsHaveTheBitsOfTheOtherEndpoint() {
        long seed = Long.getLong("seed", 20_261_126L);
        System.out.println("random records: -Dseed=" + seed);
        SplittableRandom random = new SplittableRandom(seed);
        try (RawHttp http = RawHttp.connect(app.port())) {
            for (int round = 0; round < 100; round++) {
                int records = 1 + random.nextInt(40);
                List<String> sizes = new ArrayList<>();
                List<String> cameras = new ArrayList<>();
                List<String> lenses = new ArrayList<>();
                List<String> times = new ArrayList<>();
                List<String> sold = new ArrayList<>();
                List<String> angles = new ArrayList<>();
                List<String> images = new ArrayList<>();
                List<String> objects = new ArrayList<>();
                for (int i = 0; i < records; i++) {
                    sizes.add(Double.toString(random.nextDouble(-1e6, 1e6)));
                    cameras.add("\"camera " + random.nextInt(100) + "\"");
                    lenses.add(Integer.toString(random.nextInt(100)));
                    times.add("\"2001-05-01T" + (10 + random.nextInt(10)) + ":30:00Z\"");
                    sold.add(Long.toString(random.nextLong(1L << 41)));
                    angles.add(Double.toString(random.nextDouble(360)));
                    images.add("[[%d, %d], [%d, %d]]".formatted(random.ints(4, 0, 256).boxed().toArray()));
                    objects.add(
                            "{\"size\": %s, \"camera\": %s, \"lens\": %s, \"taken\": %s, \"sold\": %s, \"angle\": %s, \"image\": %s}"
                                    .formatted(sizes.get(i), cameras.get(i), lenses.get(i), times.get(i), sold.get(i),
                                            angles.get(i),
                                            images.get(i).replace("[[", "[").replace("]]", "]").replace("], [", ", ")));
                }
                String inputs = Stream
                        .of(tensor("size", "FP64", sizes, ""), tensor("camera", "BYTES", cameras, ""),
                                tensor("lens", "UINT16", lenses, ", 1"), tensor("taken", "BYTES", times, ""),
                                tensor("sold", "UINT64", sold, ""), tensor("angle", "FP64", angles, ""),
                                tensor("image", "UINT8", images, ", 2, 2"))
                        .collect(Collectors.joining(", ", "{\"inputs\": [", "]}"));
                http.send(RawHttp.post("/v2/models/" + app.kinds + "/infer", "", RawHttp.bytes(inputs)));
                Answer inference = http.answer();
                assertThat(inference.status()).as(inference.toString()).isEqualTo(200);
                http.send(RawHttp.post("/v1/models/" + app.kinds + "/score", "", RawHttp.bytes(objects.toString())));
                assertThat(data(inference.json().get("outputs").get(0))).as("round %d of seed %d", round, seed)
                        .isEqualTo(Flights.answers(http.answer()));
            }
        }
    }

    private static String tensor(String name, String type, List<String> values, String element) {
        return "{\"name\": \"%s\", \"shape\": [%d%s], \"datatype\": \"%s\", \"data\": %s}".formatted(name,
                values.size(), element, type, values);
    }

    @Test
    void aVersionThatIsKeptAnswersByItsNumber() {
        app.publisher.publish(app.trainer.learn(10).publish());
        await().atMost(SOON).until(() -> get(flights).json().get("versions").get(0).asText().equals("1.310"));
        assertThat(get(flights).json().get("versions").toString()).isEqualTo("[\"1.310\",\"1.300\"]");
        String body = Flights.tensors(OFFSETS);
        JsonNode current = infer(body).json();
        assertThat(current.get("model_version").asText()).isEqualTo("1.310");
        for (String version : List.of("1.300", "300")) {
            JsonNode kept = post(flights + "/versions/" + version + "/infer", body).json();
            assertThat(kept.get("model_version").asText()).isEqualTo("1.300");
            assertThat(kept.get("parameters").get("offset").asLong()).isEqualTo(300);
            assertThat(data(kept.get("outputs").get(0))).isEqualTo(answers)
                    .isNotEqualTo(data(current.get("outputs").get(0)));
            assertThat(get(flights + "/versions/" + version + "/ready").status()).isEqualTo(200);
        }
        for (String version : List.of("299", "2.300", "1.299", "0300", "+300", "v1", "1.300.0", "%0a")) {
            assertRefused(post(flights + "/versions/" + version + "/infer", body), 404, "unknown-version",
                    "served: 1.310, 1.300");
            assertRefused(get(flights + "/versions/" + version), 404, "unknown-version", "served:");
            assertRefused(get(flights + "/versions/" + version + "/ready"), 404, "unknown-version", "served:");
        }
    }

    static Stream<Arguments> mistakes() {
        String infer = "/v2/models/FLIGHTS/infer";
        return Stream.of(arguments(infer, "{", 400, "bad-json", "not JSON"),
                arguments(infer, "{\"inputs\": []}", 400, "not-a-request", "at least one tensor"),
                arguments(infer, body("2]", "3]"), 400, "bad-tensor", "expected 3 elements"),
                arguments(infer, body("INT64", "INT99"), 400, "bad-tensor", "found 'INT99'"),
                arguments(infer, body("733]", "true]"), 400, "bad-tensor", "data[1]: expected FP64"),
                arguments(infer, body("733]", "1e999]"), 400, "not-finite", "record 1: field 'distance'"),
                arguments(infer, body("\"FP64\", \"data\": [2586, 733]", "\"BYTES\", \"data\": [\"1\", \"2\"]"), 400,
                        "wrong-type", "record 0: field 'distance': expected a number"),
                arguments(infer, body("\"distance\"", "\"distances\""), 400, "unknown-field",
                        "did you mean 'distance'?"),
                arguments(infer, body("\"distance\"", "\"origin\""), 400, "bad-tensor", "one tensor of a name"),
                arguments(infer, body("\"distance\"", "\"late\""), 400, "missing-field", "record 0: field 'distance'"),
                arguments(infer, "{\"outputs\": [{\"name\": \"probability\"}], \"inputs\": " + INPUTS + "}", 400,
                        "unknown-output", "did you mean 'probabilities'?"),
                arguments(infer,
                        "{\"outputs\": [{\"name\": \"probabilities\"}, {\"name\": \"probabilities\"}], \"inputs\": "
                                + INPUTS + "}",
                        400, "not-a-request", "once, found it 2 times"),
                arguments("/v2/models/other/infer", "{}", 404, "unknown-model", "no model 'other'"),
                arguments("/v2/models/never/infer", "{\"inputs\": " + INPUTS + "}", 503, "not-ready", "no snapshot"),
                arguments("/v2/models/FLIGHTS/explain", "{}", 404, "unknown-path", "/v2"),
                arguments("/v2/models/FLIGHTS", "{}", 405, "method-not-allowed", "expected GET"),
                arguments("/v2", "{}", 405, "method-not-allowed", "expected GET"));
    }

    private static String body(String from, String to) {
        assertThat(INPUTS).contains(from);
        return "{\"inputs\": " + INPUTS.replaceFirst(Pattern.quote(from), Matcher.quoteReplacement(to)) + "}";
    }

    @ParameterizedTest(name = "{0} {1}: {3}")
    @MethodSource("mistakes")
    void aMistakeIsAnsweredInTheProtocolsWords(String path, String body, int status, String reason, String message) {
        assertRefused(post(path.replace("FLIGHTS", app.flights), body), status, reason, message);
    }

    @Test
    void whatTheServerRefusesBeforeARouteIsAnsweredInTheProtocolsWordsToo() {
        assertRefused(
                send(RawHttp
                        .bytes("POST " + flights + "/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")),
                413, "body-too-large", "1048576 bytes");
        assertRefused(send(
                RawHttp.post(flights + "/infer", "Content-Type: application/octet-stream\r\n", RawHttp.bytes("x"))),
                415, "wrong-content-type", "application/octet-stream");
        assertRefused(
                send(RawHttp.bytes("POST " + flights
                        + "/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}")),
                400, "bad-body", "one whole number");
        assertRefused(get(flights + "/infer"), 405, "method-not-allowed", "expected POST");
    }

    /// What the documentation shows is sent as it stands, and answered as it says but for the numbers.
    @Test
    void theDocumentedExampleIsTrue() throws IOException {
        Documented.Curl curl = Documented.curl("infer-curl");
        Answer answer = send(RawHttp.post(curl.path().replace("flight-delay", app.flights),
                "Content-Type: application/x-www-form-urlencoded\r\n", RawHttp.bytes(curl.body())));
        assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
        assertThat(Documented.shape(answer.json()))
                .isEqualTo(Documented.shape(JSON.readTree(Documented.block("infer-answer"))));
    }

    @Test
    void inferencesAreCountedAsScoringRequestsAre() {
        double before = predictions();
        infer("{\"inputs\": " + INPUTS + "}");
        // Counted once the answer is sent.
        Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> predictions() - before == 2);
    }

    private double predictions() {
        Matcher series = Pattern.compile("tidegrad_scorer_predictions_total\\{model=\"" + app.flights + "\"} (.*)")
                .matcher(get("/metrics").body());
        return series.find() ? Double.parseDouble(series.group(1)) : 0;
    }
}
